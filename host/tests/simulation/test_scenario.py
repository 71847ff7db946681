# SPDX-License-Identifier: MIT
"""The scenario file: what it says, and the line, key and reason of what is wrong."""

import pytest

from crowdcharge.errors import InputError
from crowdcharge.policy import SmallTransfer
from crowdcharge.simulation.scenario import Generated, Intervals, Meetings, Slots, TraceFile, parse

BOARDS = """duration_s = 60
[[boards]]
id = 1
soc_pct = 90
[[boards]]
id = 2
capacity_J = 50
soc_pct = 10
cords = [[5, 6]]
"""
CORD = "[cord]\npower_W = 5\n"
PAIRS = "[contacts]\nslot_s = 5\ncycle = [[[1, 2]], []]\n"


def test_a_whole_file():
    text = (
        BOARDS
        + PAIRS
        + (
            "[link]\npower_W = 2.5\nefficiency = 0.6\n[cord]\npower_W = 5\n"
            '[policy]\nname = "small-transfer"\nquantum_J = 3\n[bench]\nspeed = 20\n'
        )
    )
    made = parse(text, "dir/desk.toml")
    assert made.name == "desk"
    assert [board.id for board in made.boards] == [1, 2]
    assert made.boards[1].cords == ((5, 6),)
    assert made.contacts == Slots((((1, 2),), ()), 5)
    assert (made.link.power_W, made.link.beta) == (2.5, pytest.approx(0.4))
    assert made.habit.power_W == 5
    assert made.bench.values() == {"speed": 20}
    policy = made.make_policy()
    assert isinstance(policy, SmallTransfer)
    assert policy.quantum_J == 3


def test_a_policy_takes_the_links_loss_unless_told():
    text = BOARDS + PAIRS + CORD + '[link]\nefficiency = 0.6\n[policy]\nname = "loss-aware"\n'
    assert parse(text).make_policy(0.4).beta == 0.4
    assert parse(text + "beta = 0.1\n").make_policy(0.4).beta == 0.1


def test_the_bench_files_long_pair_is_understood():
    text = BOARDS + CORD + "[contacts]\ncycle = [[{ boards = [2, 1], gap_mm = 3.0 }]]\n"
    assert parse(text).contacts == Slots((((2, 1),),), 10)


@pytest.mark.parametrize(
    ("contacts", "expected"),
    [
        ("list = [[0, 1, 2, 3.5]]", Intervals(((0, 1, 2.0, 3.5),))),
        ('trace = "a.txt"\nformat = "haggle"', TraceFile("a.txt", "haggle")),
        ("meetings = 9\nevery_s = 2", Meetings(9, "pairs", 2, 2)),
        ("bus = 190", Generated("bus", 190, 60)),
        ("random = 4\nslot_s = 1", Generated("random", 4, 1)),
    ],
)
def test_kinds_of_contacts(contacts, expected):
    text = f"duration_s = 9\n[crowd]\nn = 4\n[contacts]\n{contacts}\n"
    assert parse(text).contacts == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = = 1", r"s.toml, line 1: Invalid value"),
        ("colour = 1", r"s.toml, line 1: colour: unknown key; known are"),
        (BOARDS.replace("id = 2", "id = 1") + PAIRS, r"s.toml, line 6: boards\[1\].id: .* twice"),
        (
            BOARDS.replace("= 10\n", "= 110\n") + PAIRS,
            r"s.toml, line 8: boards\[1\].soc_pct: must be 0",
        ),
        (
            BOARDS.replace("soc_pct = 90", "volts = 3") + PAIRS,
            r"s.toml, line 4: boards\[0\].volts",
        ),
        (
            BOARDS.replace("soc_pct = 90\n", "") + PAIRS,
            r"s.toml, line 2: boards\[0\].soc_pct: is missing",
        ),
        (BOARDS.replace("[5, 6]", "[6, 5]") + PAIRS, "cords: each from_s must be below"),
        (BOARDS + PAIRS.replace("[1, 2]", "[1, 7]"), "contacts: there is no board 7"),
        (
            BOARDS + PAIRS.replace("[1, 2]", "[1, 1]"),
            r"s.toml, line 12: contacts.cycle\[0\]\[0\]: a pair is two",
        ),
        (BOARDS + PAIRS.replace("[[[1, 2]], []]", "3"), "contacts.cycle: must be a list of slots"),
        (BOARDS + PAIRS + "trace = 'x'", "contacts.trace: needs exactly one of"),
        (
            BOARDS + "[contacts]\n",
            "s.toml, line 10: contacts: needs exactly one of cycle, list, trace",
        ),
        (BOARDS + "[contacts]\nmeetings = 3\n", "random contacts need a .crowd."),
        (BOARDS[16:] + PAIRS, "duration_s: is missing"),
        (BOARDS + PAIRS + "[crowd]\nn = 3\n", "boards: give either"),
        (
            BOARDS + PAIRS + '[policy]\nname = "greedy"\n',
            "s.toml, line 14: policy.name: no policy",
        ),
        (
            BOARDS + PAIRS + "[policy]\nfoo = 1\n",
            "s.toml, line 13: policy: policy online-average has no option foo",
        ),
        (
            BOARDS + PAIRS + "[link]\nefficiency = 1.5\n",
            "s.toml, line 14: link.efficiency: must be",
        ),
        (BOARDS + PAIRS + '[link]\ncurve = "c.csv"\n', "link.curve: a measured curve needs"),
        (
            "duration_s = 1\n[crowd]\nn = 4\n[contacts.mobility]\nrange_m = 0\n",
            "s.toml, line 4: contacts.mobility: sizes, speeds",
        ),
        (BOARDS + PAIRS + "[cord]\nuntil_pct = 5\n", "cord.until_pct: must be above"),
        (BOARDS + PAIRS, r"s.toml, line 9: boards\[1\].cords: need power_W in .cord."),
        (
            BOARDS.replace("id = 2", "id = 2\npad = true") + PAIRS,
            r"s.toml, line 7: boards\[1\].pad: gives to several: needs link.power_W",
        ),
        (
            BOARDS.replace("id = 2", "id = 2\npad = 1") + PAIRS,
            r"s.toml, line 7: boards\[1\].pad: must be true or false",
        ),
        (
            BOARDS.replace("id = 2", "id = 2\narrives_s = 9\nleaves_s = 9") + PAIRS + CORD,
            r"s.toml, line 8: boards\[1\].leaves_s: must be after arrives_s",
        ),
        (
            'engine = "compiled"\n' + BOARDS + PAIRS,
            "engine: the compiled engine knows no contacts",
        ),
        (
            'engine = "compiled"\n[crowd]\nn = 4\n[contacts]\nmeetings = 4\n',
            "s.toml, line 1: engine: .* floor .set floor_pct = 0.",
        ),
        (
            "[crowd]\nn = 4\nsoc_pct = [9, 3]\n[contacts]\nmeetings = 4",
            "crowd.soc_pct: 9 is above 3",
        ),
    ],
)
def test_what_is_wrong_is_named(text, said):
    with pytest.raises(InputError, match=said):
        parse(text, "s.toml")
