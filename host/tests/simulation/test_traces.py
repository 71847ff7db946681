# SPDX-License-Identifier: MIT
"""Contact formats: what they mean, how programs write them, and the line that is wrong."""

import itertools

import pytest

from crowdcharge.errors import InputError
from crowdcharge.simulation.contacts import Contact, from_slots, merged
from crowdcharge.simulation.traces.options import TraceOptions
from crowdcharge.simulation.traces.readers import FORMATS, read_trace

OPTIONS = {
    "one-movement": TraceOptions(range_m=2),
    "edges": TraceOptions(columns={"a": "from", "b": "to", "start": "t", "end": "until"}),
    "konect": TraceOptions(lasts_s=20),
}
GOOD = {
    "one": (
        "0 CONN 1 2 up\n# remark\n10.5\tCONN\tn3\tn1\tup\n\n30 CONN 2 1 down\n40 CONN 1 3 down\n"
        "50 CONN 1 2 up bt\n55 CONN 4 5 up\n58 CONN 1 2 up wifi\n60 CONN 4 5 down\n"
        "61 CONN 1 2 down bt\n70 CONN 1 2 down wifi\n",
        [(0, 30, 1, 2), (10.5, 40, 1, 3), (50, 70, 1, 2), (55, 60, 4, 5)],
    ),
    "one-movement": (  # 2 walks past 1 at 1 m/s: within 2 m from 8 to 12 s
        "0 20 0 100 0 100 0 0\n0 1 10 0\n0 2 0 0\n20 1 10 0\n20 2 20 0\n",
        [(8, 12, 1, 2)],
    ),
    "haggle": (
        "1 2 100 250 1 0\n2 1 200 300 2 -50\n1 3 90 90\n",
        [(90, 90, 1, 3), (100, 300, 1, 2)],
    ),
    "sociopatterns": (
        "40 5 7 2A 2B\n60 5 7 2A 2B\n120\t7\t5\t2B\t2A\n".replace("\t", " "),
        [(20, 60, 5, 7), (100, 120, 5, 7)],
    ),
    "copenhagen": (
        "# timestamp,user_a,user_b,rssi\n0,0,-1,0\n0,1,2,-60\n300,2,1,-70\n600,1,-2,-55\n"
        "600,1,2,-95\n",
        [(0, 600, 1, 2)],
    ),
    "edges": (
        "t,from,to,until,mood\n5,3,1,9,good\n7,2,1,8,bad\n",
        [(5, 9, 1, 3), (7, 8, 1, 2)],
    ),
    "konect": ("% sym positive\n% 2 2 2\n1 2 1 100\n2 1 1 115\n", [(100, 135, 1, 2)]),
    "gtfs": (
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n7,08:00:00,08:02:00,A,1\n"
        "9,08:01:00,08:05:00,A,4\n7,08:10:00,,B,2\n9,,,B,5\n11,25:00:00,25:00:30,A,1\n",
        [(28860, 28920, 7, 9)],
    ),
}


def contacts(name, text, options=None):
    return FORMATS[name](text.split("\n"), "trace", options or OPTIONS.get(name, TraceOptions()))


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_imports(name):
    text, expected = GOOD[name]
    found = contacts(name, text)
    assert [(c.a, c.b) for c in found] == [row[2:] for row in expected]
    assert [(c.start_s, c.end_s) for c in found] == [pytest.approx(row[:2]) for row in expected]


def quoted(text):
    separator = "," if "," in text else None
    lines = [line.split(separator) for line in text.splitlines()]
    return "\n".join((separator or " ").join(f'"{field}"' for field in line) for line in lines)


DIALECTS = {
    "byte order mark": lambda text: "\ufeff" + text,
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "semicolons": lambda text: text.replace(",", ";") if "," in text else text.replace(" ", ";"),
    "tabs": lambda text: text.replace(",", "\t") if "," in text else text.replace(" ", "\t"),
    "commas": lambda text: text.replace(" ", ","),
    "decimal commas": lambda text: text.replace(",", ";").replace("\n5;", "\n5,0;"),
    "quotes": quoted,
    "empty columns at the end": lambda text: text.replace("\n", ",,\n").replace(" ", ","),
    "blank lines": lambda text: text.replace("\n", "\n\n"),
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", FORMATS)
def test_files_as_programs_write_them(name, dialect):
    text = "\n".join(line for line in GOOD[name][0].splitlines() if line and line[0] not in "#%")
    written = DIALECTS[dialect](text.replace("\t", " ") + "\n")
    assert contacts(name, written) == contacts(name, GOOD[name][0])


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("one", "0 CONN 1 2 up\n5 CONN 1 2", "trace, line 2: expected time CONN"),
        ("one", "0 C M1 1 2", 'trace, line 1: "C" is not CONN'),
        ("one", "0 CONN 1 2 down", "trace, line 1: 1 and 2 go down"),
        ("one", "9 CONN 1 2 up\n8 CONN 1 2 down", "trace, line 2: time goes back"),
        ("one", "0 CONN 1 2 sideways", "neither up nor down"),
        ("one", "0 CONN 1 1 up", "trace, line 1: node 1 meets itself"),
        ("one", "0 CONN 1 x up", 'trace, line 1: "x" is not a node number'),
        ("one-movement", "0 1 2 3 4\n", "trace, line 1: expected the bounds"),
        ("one-movement", "0 9 0 9 0 9\n1 a 3 4\n1 a 3 5", "line 3: time goes back for node a"),
        ("one-movement", "0 9 0 9 0 9\n0 a 3 4\n5e-324 a 3 5", "line 3: node a is at two places"),
        ("haggle", "1 2 3 4\n1 2 9 4", "trace, line 2: the contact ends before"),
        ("haggle", "1 2 3 4 x", 'trace, line 1: "x" is not a number'),
        ("haggle", "1 2 3 1e999", 'trace, line 1: "1e999" is not a number'),
        ("sociopatterns", "20 1 2\n\n40 1", "trace, line 3: expected t i j"),
        ("sociopatterns", "20 1 2 3A", "trace, line 1: expected t i j"),
        ("sociopatterns", "nan 1 2", 'trace, line 1: "nan" is not a number'),
        ("copenhagen", "0,1,2,-60\n0,1.5,2,-60", 'trace, line 2: "1.5" is not a whole'),
        ("copenhagen", "0,1,-7,-60", "trace, line 1: user_b is -7"),
        ("copenhagen", "0 1 2", "trace, line 1: expected timestamp"),
        ("copenhagen", "0,4,4,-60", "trace, line 1: node 4 meets itself"),
        ("edges", "t,from,to\n1,2,3", 'line 1: no column "until"; the columns are t, from, to'),
        ("edges", "t,from,to,until,t\n1,2,3,4,5", 'line 1: two columns "t"'),
        ("edges", "t,from,to,until\n1,2,3", "trace, line 2: has no column 4"),
        ("edges", "t,from,to,until\n2024-05-01T10:00,2,3,noon", "neither a number nor an ISO"),
        ("konect", "1 2 1", "trace, line 1: expected node node weight time"),
        ("konect", "1 2 -1 9", "trace, line 1: a weight that is not positive"),
        ("gtfs", "trip_id,stop_id,arrival_time\n1,2,3", 'line 1: no column "departure_time"'),
        (
            "gtfs",
            GOOD["gtfs"][0] + "3,8 o'clock,,A,1",
            'line 7: "8 o\'clock" is not a time HH:MM:SS',
        ),
        ("gtfs", GOOD["gtfs"][0] + "3,09:00:00,08:00:00,A,1", "line 7: departs before it arrives"),
    ],
)
def test_a_malformed_line_is_named(name, text, said):
    with pytest.raises(InputError, match=said):
        contacts(name, text)


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("one", GOOD["haggle"][0], 'line 1: "2" is not CONN; this looks like format = "haggle"'),
        ("haggle", GOOD["one"][0], 'this looks like format = "one"'),
        ("one", GOOD["gtfs"][0], 'this looks like format = "gtfs"'),
        ("sociopatterns", '[{"t": 1}]', "line 1: .*; this looks like JSON"),
        ("haggle", "<html>\n", "line 1: .*; this looks like XML or HTML"),
        ("haggle", "1 2 3 4\n1 2 3", r"line 2: expected id1 id2 start end \[k \[gap\]\]$"),
        ("haggle", "# nothing", "t: no contacts"),
        ("one", "0 CONN 1 2 up\0", "t, line 1: a NUL character"),
        ("one", "0 CONN 1 2 up" + " " * 20_000 + "x", "t, line 1: longer than"),
    ],
)
def test_what_a_file_looks_like_is_said(kind, text, said):
    with pytest.raises(InputError, match=said) as caught:
        read_trace(text, "t", kind, TraceOptions())
    assert "\n" not in str(caught.value)


def test_names_are_kept_and_numbered_in_order():
    text = "zoe ann 0 10\nbob zoe 20 30\n"
    trace = read_trace(text, "t", "haggle", TraceOptions())
    assert trace.names == {0: "ann", 1: "bob", 2: "zoe"}
    assert [(c.a, c.b) for c in trace.contacts] == [(0, 2), (1, 2)]


def test_names_that_share_a_number_stay_apart():
    trace = read_trace("c1 p1 0 10\nc1 c2 5 6\n", "t", "haggle", TraceOptions())
    assert len(trace.nodes) == 3
    assert set(trace.names.values()) == {"c1", "p1", "c2"}


@pytest.mark.parametrize(
    ("options", "text", "span_s"),
    [
        (TraceOptions(lasts_s=5), "1,2,100\n1,3,160\n", 65),
        (TraceOptions("ms", lasts_s=5), "1,2,1700000000000\n1,3,1700000060000\n", 65),
        (TraceOptions("min", {"a": 3, "b": 2, "start": 1, "lasts": 4}), "0 1 2 1\n2 1 3 1\n", 180),
        (
            TraceOptions(columns={"a": "u", "b": "v", "start": "Von", "end": "bis"}),
            "u;v;von;bis\nann;bob;2024-05-01 10:00;2024-05-01T12:30:00+02:00\n",
            1800,
        ),
        (TraceOptions(lasts_s=1), "ann,bob,2024-05-01T10:00:00Z\nann,cy,2024-05-02\n", -1),
    ],
)
def test_edge_lists_have_columns_units_and_dates(options, text, span_s):
    trace = read_trace(text, "t", "edges", options)
    if span_s > 0:
        assert trace.last_s - trace.first_s == pytest.approx(span_s)
    else:  # the second date is midnight, 14 h later
        assert trace.last_s - trace.first_s == pytest.approx(14 * 3600 + 1)


def test_what_was_read_shows_a_wrong_unit():
    text = "1,2,1700000000000\n1,3,1700000060000\n"
    right = read_trace(text, "t", "edges", TraceOptions("ms", lasts_s=20)).described()
    wrong = read_trace(text, "t", "edges", TraceOptions("s", lasts_s=20)).described()
    assert "3 nodes, 2 contacts of 20 s on average, over 80 s (from 2023-11-14T22:13:20Z" in right
    assert "over 60020 s (16.7 h) (from 1.7e+12 s" in wrong


def test_copenhagen_threshold_is_a_proximity():
    text = "0,1,2,-60\n0,1,3,-90"
    assert len(contacts("copenhagen", text, TraceOptions(rssi_least_dBm=-100))) == 2
    assert contacts("copenhagen", text, TraceOptions(rssi_least_dBm=-50)) == []


def test_columns_in_another_order_are_found_by_their_names():
    text = "user_b,user_a,rssi,timestamp\n2,1,-60,0\n"
    assert contacts("copenhagen", text) == [Contact(0, 300, 1, 2)]


def test_slots_repeat_until_the_end():
    cycle = [[(1, 2)], [], [(1, 2), (3, 4)]]
    assert list(from_slots(cycle, 10.0, 45.0)) == [
        Contact(0, 10, 1, 2),
        Contact(20, 30, 1, 2),
        Contact(20, 30, 3, 4),
        Contact(30, 40, 1, 2),
    ]


def test_one_slot_ends_when_the_next_begins():
    """0.1 + 0.2 is not 3 x 0.1: the ends must be the same number, not one rounding apart."""
    made = list(from_slots([[(1, 2)]], 0.1, 50.0))
    assert all(one.end_s == two.start_s for one, two in itertools.pairwise(made))


def test_merging_joins_only_what_touches():
    seen = [Contact(0, 5, 1, 2), Contact(5, 9, 2, 1), Contact(10, 12, 1, 2), Contact(3, 4, 1, 3)]
    assert merged(seen) == [Contact(0, 9, 1, 2), Contact(3, 4, 1, 3), Contact(10, 12, 1, 2)]
    assert merged(seen, gap_s=1) == [Contact(0, 12, 1, 2), Contact(3, 4, 1, 3)]


@pytest.mark.parametrize("number", ["1e101", "-1e300"])
def test_a_number_that_cannot_be_added_or_multiplied_is_refused(number: str) -> None:
    with pytest.raises(InputError, match=r"x, line 2: .* is too large"):
        read_trace(f"1 2 100 250 1 0\n2 1 200 {number} 2 -50\n", "x", "haggle", TraceOptions())
