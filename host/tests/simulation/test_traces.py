# SPDX-License-Identifier: MIT
"""Published contact formats: what they mean, and the one line that is wrong."""

import pytest

from crowdcharge.errors import InputError
from crowdcharge.simulation.contacts import Contact, from_slots, merged
from crowdcharge.simulation.traces.readers import FORMATS, read_copenhagen

GOOD = {
    "one": (
        "0 CONN 1 2 up\n# remark\n10.5\tCONN\tn3\tn1\tup\n\n30 CONN 2 1 down\n40 CONN 1 3 down\n"
        "50 CONN 1 2 up\n55 CONN 4 5 up\n60 CONN 4 5 down\n",
        [(0, 30, 1, 2), (10.5, 40, 1, 3), (50, 60, 1, 2), (55, 60, 4, 5)],
    ),
    "haggle": (
        "1 2 100 250 1 0\n2 1 200 300 2 -50\n1 3 90 90\n",
        [(90, 90, 1, 3), (100, 300, 1, 2)],
    ),
    "sociopatterns": (
        "40 5 7 2A 2B\n60 5 7 2A 2B\n120\t7\t5\t2B\t2A\n",
        [(20, 60, 5, 7), (100, 120, 5, 7)],
    ),
    "copenhagen": (
        "# timestamp,user_a,user_b,rssi\n0,0,-1,0\n0,1,2,-60\n300,2,1,-70\n600,1,-2,-55\n"
        "600,1,2,-95\n",
        [(0, 600, 1, 2)],
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_imports(name):
    text, expected = GOOD[name]
    assert FORMATS[name](text.splitlines(), "trace") == [Contact(*row) for row in expected]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("one", "0 CONN 1 2 up\n5 CONN 1 2", "trace:2: expected time CONN"),
        ("one", "0 C M1 1 2", 'trace:1: "C" is not CONN'),
        ("one", "0 CONN 1 2 down", "trace:1: 1 and 2 go down"),
        ("one", "9 CONN 1 2 up\n8 CONN 1 2 down", "trace:2: time goes back"),
        ("one", "0 CONN 1 2 sideways", "neither up nor down"),
        ("one", "0 CONN 1 1 up", "trace:1: node 1 meets itself"),
        ("haggle", "1 2 3 4\n1 2 9 4", "trace:2: the contact ends before"),
        ("haggle", "1 2 3 4 x", 'trace:1: "x" is not a number'),
        ("sociopatterns", "20 1 2\n\n40 1", "trace:3: expected t i j"),
        ("sociopatterns", "20 1 2 3A", "trace:1: expected t i j"),
        ("sociopatterns", "nan 1 2", 'trace:1: "nan" is not a number'),
        ("copenhagen", "0,1,2,-60\n0,1.5,2,-60", 'trace:2: "1.5" is not a whole'),
        ("copenhagen", "0,1,-7,-60", "trace:1: user_b is -7"),
        ("copenhagen", "0;1;2;-60", "trace:1: expected timestamp"),
        ("copenhagen", "0,4,4,-60", "trace:1: node 4 meets itself"),
    ],
)
def test_a_malformed_line_is_named(name, text, said):
    with pytest.raises(InputError, match=said):
        FORMATS[name](text.splitlines(), "trace")


def test_copenhagen_threshold_is_a_proximity():
    text = ["0,1,2,-60", "0,1,3,-90"]
    assert len(read_copenhagen(text, "t", -100)) == 2
    assert read_copenhagen(text, "t", -50) == []


def test_slots_repeat_until_the_end():
    cycle = [[(1, 2)], [], [(1, 2), (3, 4)]]
    assert list(from_slots(cycle, 10.0, 45.0)) == [
        Contact(0, 10, 1, 2),
        Contact(20, 30, 1, 2),
        Contact(20, 30, 3, 4),
        Contact(30, 40, 1, 2),
    ]


def test_merging_joins_only_what_touches():
    seen = [Contact(0, 5, 1, 2), Contact(5, 9, 2, 1), Contact(10, 12, 1, 2), Contact(3, 4, 1, 3)]
    assert merged(seen) == [Contact(0, 9, 1, 2), Contact(3, 4, 1, 3), Contact(10, 12, 1, 2)]
    assert merged(seen, gap_s=1) == [Contact(0, 12, 1, 2), Contact(3, 4, 1, 3)]
