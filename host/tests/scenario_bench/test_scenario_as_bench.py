# SPDX-License-Identifier: MIT
"""What of a scenario becomes a bench, what a bench refuses, and when its contacts take place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.bench.physics.coil import CoilLink
from crowdcharge.bench.runs.scenario import bench_of, coil_of, contacts_on_bench, missed_of
from crowdcharge.bench.runs.timetable import LateClock, Timetable
from crowdcharge.errors import InputError
from crowdcharge.simulation.contacts import Contact
from crowdcharge.simulation.link import LinkModel
from crowdcharge.simulation.scenario import parse

PAIR = """duration_s = 60
[[boards]]
id = 1
soc_pct = 90
capacity_J = 50
load_W = 0.1
[[boards]]
id = 2
soc_pct = 10
"""
LINK = "[link]\npower_W = 2.0\nefficiency = 0.6\n"
CYCLE = "[contacts]\ncycle = [[[1, 2]], []]\n"


@settings(derandomize=True, deadline=None, max_examples=100)
@given(power_W=st.floats(0.1, 10), efficiency=st.floats(0.1, 1))
def test_the_bench_loses_at_that_power_what_the_scenario_says(power_W, efficiency):
    coil = coil_of(LinkModel(power_W, efficiency))
    assert coil.power_W == pytest.approx(efficiency * power_W)
    assert coil.sent_W(coil.power_W, 1.0) == pytest.approx(power_W)
    assert coil.linear >= 1
    assert coil.fixed_W >= 0
    assert coil.quadratic_per_W >= 0


def test_the_benchs_own_link_comes_out_of_its_own_numbers():
    usual = CoilLink()
    sent_W = usual.sent_W(usual.power_W, 1.0)
    made = coil_of(LinkModel(sent_W, usual.power_W / sent_W))
    for key in ("power_W", "fixed_W", "linear", "quadratic_per_W"):
        assert getattr(made, key) == pytest.approx(getattr(usual, key))


def test_boards_and_the_bench_table():
    scenario = parse(
        PAIR + CYCLE + LINK + "[bench]\nspeed = 2\n[bench.link]\ncharger_efficiency = 1.0\n"
    )
    made = bench_of(scenario, scenario.link)
    first, second = made.boards
    assert (first.id, first.soc_pct, first.capacity_J, first.idle_W) == (1, 90, 50, 0.1)
    assert len(bytes.fromhex(first.key)) == 32
    assert first.key != second.key
    assert made.speed == 2
    assert made.link.charger_efficiency == 1.0
    assert made.link.power_W == pytest.approx(1.2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PAIR + CYCLE, "link.power_W must be there and at most 10"),
        (PAIR + CYCLE + "[link]\npower_W = 11\n", "at most 10"),
        (PAIR.replace("id = 1", "id = 0") + CYCLE.replace("1", "0") + LINK, "id begins at 1"),
        (PAIR + "leaves_s = 9\n" + CYCLE + LINK, "board 2: arrives_s, leaves_s and cords"),
        (PAIR + CYCLE + LINK + "[cord]\npower_W = 2\n", "have no cords"),
        (
            PAIR + CYCLE + LINK + "[bench]\nboards = 3\n",
            r"s.toml, line \d+: bench.boards: unknown key",
        ),
        (PAIR + CYCLE + LINK + "[bench]\nspeed = 99\n", r"s.toml, line \d+: bench.speed: must be"),
        (PAIR + CYCLE + LINK + "[bench]\n[bench.link]\nx = 1\n", "bench.link.x: unknown key"),
        ("duration_s = 9\n[crowd]\nn = 3\n[contacts]\nmobility = {}\n" + LINK, "not a .crowd."),
    ],
)
def test_what_a_bench_refuses(text, said):
    scenario = parse(text, "s.toml")
    with pytest.raises(InputError, match=said) as caught:
        bench_of(scenario, scenario.link)
    assert "\n" not in str(caught.value)


def test_nine_boards_are_too_many(cube):
    scenario = parse(cube(socs_pct=(50,) * 9))
    with pytest.raises(InputError, match="runs 2 to 8 boards, not 9"):
        bench_of(scenario, scenario.link)


def test_a_board_meets_one_other_at_a_time():
    third = "[[boards]]\nid = 3\nsoc_pct = 1\n"
    text = PAIR + third + "[contacts]\nlist = [[1, 2, 0, 10], [2, 3, {}, 20]]\n" + LINK
    assert len(contacts_on_bench(parse(text.format(10)), None)[0]) == 2
    with pytest.raises(InputError, match="at 9 s board 2 meets two"):
        contacts_on_bench(parse(text.format(9)), None)


def test_missed_contacts_are_those_that_last_then():
    scenario = parse(PAIR + CYCLE + LINK + "[bench]\nmissed = [[2, 1, 25]]\n", "s.toml")
    contacts, end_s = contacts_on_bench(scenario, None)
    assert end_s == 60
    assert missed_of(scenario, contacts) == {Contact(20, 30, 1, 2)}
    for wrong in ("[[1, 2, 15]]", "[[1, 3, 25]]", "[1]", "[[1, 2]]", '[[1, 2, "x"]]', "7"):
        scenario = parse(PAIR + CYCLE + LINK + f"[bench]\nmissed = {wrong}\n", "s.toml")
        with pytest.raises(InputError, match=r"s.toml, line \d+: bench.missed"):
            missed_of(scenario, contacts)


async def test_time_begins_when_all_are_ready_and_boards_are_laid_as_the_contacts_say():
    laid = []

    async def arrange(pairs):
        laid.append(pairs)

    contacts = [Contact(0, 10, 1, 2), Contact(0, 10, 3, 4), Contact(10, 20, 1, 2)]
    clock = LateClock(1.0)
    table = Timetable(contacts, [1, 2, 3, 4], clock, arrange, {contacts[1]})
    assert await table.meetings(clock.now_s(), {1, 2, 3}) == []
    assert clock.now_s() == 0.0
    first = await table.meetings(clock.now_s(), {2, 4})  # each has been ready by now
    assert [(each.pair, each.number, each.ends_s) for each in first] == [
        ((1, 2), 0, 10),
        ((3, 4), 1, 10),
    ]
    assert laid == [((1, 2),)]
    assert clock.begun
    assert [each.number for each in await table.meetings(10.0, set())] == [2]
    assert laid == [((1, 2),)]
    assert await table.meetings(20.0, set()) == []
    assert laid == [((1, 2),), ()]
