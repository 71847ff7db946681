# SPDX-License-Identifier: MIT
"""What every run owes: transfers add up to boards, "before" is before, and the end is the end."""

import math
from pathlib import Path

import numpy as np
import pytest

from crowdcharge.errors import WptError
from crowdcharge.simulation import study
from crowdcharge.simulation.board import SimulatedBoard
from crowdcharge.simulation.books import check_books, counted
from crowdcharge.simulation.contacts import Contact
from crowdcharge.simulation.no_exchange import NoExchange
from crowdcharge.simulation.run import run, summary
from crowdcharge.simulation.scenario import parse
from crowdcharge.simulation.world import SimulatedTransfer

from . import random_scenarios as scenarios

HERE = Path(__file__).parent
CI = range(40)
LONG_BLOCKS = range(1, 25)


def check_run(text):
    scenario = parse(text)
    for policy in (None, NoExchange()):
        made = run(scenario, scenario.seed, scenario.link, None, policy)
        check_sums(made)
        check_times(made, scenario)
        first = [board.soc_pct / 100 for board in scenario.boards]
        there = ~np.isnan(made.soc[0])
        assert there.tolist() == [board.arrives_s <= 0 for board in scenario.boards]
        assert made.soc[0][there] == pytest.approx(np.array(first)[there])
    assert all(math.isfinite(value) for value in numbers(summary(made, scenario)))


def check_sums(made):
    for board in made.boards:
        sent_J = math.fsum(t.sent_J for t in made.transfers if t.ptx is board)
        received_J = math.fsum(t.received_J for t in made.transfers if t.prx is board)
        assert sent_J == pytest.approx(board.sent_J, rel=1e-9, abs=1e-9)
        assert received_J == pytest.approx(board.received_J, rel=1e-9, abs=1e-9)
        assert -1e-9 <= board.energy_J <= board.capacity_J * (1 + 1e-9)
        assert board.cord_J >= -1e-9
        assert board.used_J >= -1e-9


def check_times(made, scenario):
    end_s, instant = made.time_s[-1], scenario.link.power_W == math.inf
    last_s = {}
    for transfer in made.transfers:
        assert transfer.ended_by
        assert transfer.sent_J >= -1e-12
        assert 0 <= transfer.received_J <= transfer.sent_J + 1e-9
        start_s, over_s = transfer.start_s, min(transfer.contact.end_s, end_s)
        assert transfer.contact.start_s <= start_s <= transfer.end_s <= over_s
        if not instant:
            assert transfer.end_s > start_s
            for board in (transfer.ptx, transfer.prx):
                assert start_s >= last_s.get(board.id, 0.0)  # a board does one thing at a time
                last_s[board.id] = transfer.end_s
    # The same pair may be in two listed contacts; one contact has one transfer.
    starts = [(id(t.contact), t.start_s) for t in made.transfers]
    assert len(starts) == len(set(starts))


def numbers(document):
    for value in document.values():
        if isinstance(value, dict):
            yield from numbers(value)
        elif isinstance(value, int | float):
            yield value


@pytest.mark.parametrize("seed", CI)
def test_random_boards_add_up(seed):
    check_run(scenarios.boards_scenario(seed))


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("block", LONG_BLOCKS)
def test_random_boards_campaign(block):
    for seed in range(40 * block, 40 * (block + 1)):
        check_run(scenarios.boards_scenario(seed))


def check_engines(text):
    events, compiled = parse(text), parse(f'engine = "compiled"\n{text}')
    made = study.run_study(events, HERE, None, lambda done: None)["runs"][0]
    fast = study.run_study(compiled, HERE, None, lambda done: None)["runs"][0]
    for figure in ("imbalance_before", "imbalance_after"):
        assert made[figure] == pytest.approx(fast[figure], rel=1e-9, abs=1e-9)
    assert made["loss_J"] == pytest.approx(fast["loss_J"], rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("seed", CI)
def test_both_engines_agree_on_before_and_after(seed):
    check_engines(scenarios.meetings_scenario(seed))


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("block", LONG_BLOCKS)
def test_both_engines_campaign(block):
    for seed in range(40 * block, 40 * (block + 1)):
        check_engines(scenarios.meetings_scenario(seed))


TWO = """
duration_s = {end_s}
[[boards]]
id = 1
soc_pct = 90
[[boards]]
id = 2
soc_pct = 30
[contacts]
list = {contacts}
[link]
power_W = 0.1
efficiency = 0.5
[policy]
name = "oblivious-share"
"""


def two(contacts, end_s=100):
    scenario = parse(TWO.format(contacts=contacts, end_s=end_s))
    return run(scenario, 0, scenario.link)


def test_a_transfer_that_runs_at_the_end_is_booked_to_the_last_instant():
    made = two([[1, 2, 0, 200]])
    (transfer,) = made.transfers
    assert (transfer.end_s, transfer.ended_by) == (100, "end")
    assert transfer.sent_J == pytest.approx(10)
    assert transfer.received_J == pytest.approx(5)


def test_a_second_transfer_that_runs_at_the_end_is_booked_alone():
    made = two([[1, 2, 0, 50], [1, 2, 60, 200]])
    assert [t.sent_J for t in made.transfers] == pytest.approx([5, 4])


def test_before_is_before_the_contacts_at_time_0():
    scenario = parse(TWO.replace("power_W = 0.1\n", "").format(contacts=[[1, 2, 0, 9]], end_s=9))
    made = run(scenario, 0, scenario.link)
    assert made.soc[0].tolist() == [0.9, 0.3]
    assert made.imbalance[0] == pytest.approx(0.25)
    assert made.imbalance[-1] < 0.1


@pytest.mark.parametrize("end_s", [15, 100])
def test_nothing_begins_at_the_end(end_s):
    """Contacts end at 15 s, or the run does; board 1 is busy until then."""
    contacts = [[1, 2, 0, 15], [1, 2, 3, 15], [2, 1, 15, 15], [1, 2, end_s, end_s + 9]]
    made = two(contacts, end_s)
    assert [t.start_s for t in made.transfers] == [0]


def test_a_contact_that_begins_when_a_board_becomes_free_is_met_at_once():
    made = two([[1, 2, 0, 15], [1, 2, 15, 30]])
    assert [(t.start_s, t.end_s) for t in made.transfers] == [(0, 15), (15, 30)]


def test_books_that_do_not_close_are_an_internal_error():
    boards = [SimulatedBoard(1, 100.0, 80.0, sent_J=10.0), SimulatedBoard(2, 100.0, 15.0)]
    contact = Contact(0, 9, 1, 2)
    transfer = SimulatedTransfer(contact, boards[0], boards[1], 10, 0, 9, 10.0, 5.0, "done")
    start_J = np.array([90.0, 10.0])
    with pytest.raises(WptError, match=r"internal error: board 2 received 0 J, but .* 5 J"):
        check_books(boards, start_J, *counted(boards, [transfer]))
    boards[1].received_J = 5.0
    check_books(boards, start_J, *counted(boards, [transfer]))
    with pytest.raises(WptError, match="internal error: board 1 has 80 J"):
        check_books(boards, start_J + np.array([5, 0]), *counted(boards, [transfer]))


# Cords, presence and habits.

CORDS = """
duration_s = {end_s}
[[boards]]
id = 1
soc_pct = 50
{board}
[[boards]]
id = 2
soc_pct = 50
[contacts]
list = []
[cord]
power_W = 1
"""


def cord_board(board, end_s=100):
    scenario = parse(CORDS.format(board=board, end_s=end_s))
    return run(scenario, 0, scenario.link).boards[0]


@pytest.mark.parametrize(
    ("board", "cord_J", "sessions"),
    [
        ("cords = [[0, 10], [5, 20]]", 20, 1),
        ("cords = [[30, 40], [0, 10]]", 20, 2),
        ("cords = [[0, 10], [10, 20]]", 20, 1),
        ("cords = [[0, 20], [5, 10]]", 20, 1),
        ("cords = [[0, 20]]\narrives_s = 5", 15, 1),
        ("cords = [[5, 20]]\narrives_s = 5", 15, 1),
        ("cords = [[0, 20]]\narrives_s = 20", 0, 0),
        ("cords = [[0, 20]]\nleaves_s = 5", 5, 1),
        ("cords = [[90, 200]]", 10, 1),
        ("cords = [[10, 20]]\nload_W = 0.6", 10, 1),  # never by habit, though it runs low
    ],
)
def test_cords_are_what_the_page_says(board, cord_J, sessions):
    made = cord_board(board)
    assert made.cord_J == pytest.approx(cord_J)
    assert made.sessions == sessions


def test_an_owner_plugs_in_a_board_that_is_low_before_it_gives():
    """Board 1 has no load and starts below the habit's level: it is on the cord from time 0."""
    text = TWO.replace("soc_pct = 90", "soc_pct = 60").format(contacts=[[1, 2, 0, 50]], end_s=100)
    scenario = parse(text + "[cord]\npower_W = 0.1\nbelow_pct = 70\n")
    made = run(scenario, 0, scenario.link)
    assert made.boards[0].sessions == 1
    assert made.boards[0].cord_J == pytest.approx(10)
    assert made.transfers == []


def test_one_outage_is_one_outage():
    """Board 1 starves from 50 s on, sampled 200 times; the cord at 80 s ends it."""
    made = cord_board("load_W = 1\ncords = [[80, 90]]", 100)
    assert made.outages == 1
    assert made.outage_s == pytest.approx(40)
    made = cord_board("load_W = 1\ncords = [[80, 90], [95, 96]]\ncapacity_J = 50", 100)
    assert made.outages == 1  # the cord only carries the load


def test_the_same_habit_rates_the_same_over_a_day_and_a_month():
    text = """
duration_s = {end_s}
[[boards]]
id = 1
capacity_J = 40e3
soc_pct = 80
load_W = 0.5
[[boards]]
id = 2
capacity_J = 40e3
soc_pct = 60
load_W = 0.4
arrives_s = 1000
[contacts]
list = []
[cord]
power_W = 5
"""
    rated = []
    for days in (2, 30):
        scenario = parse(text.format(end_s=86_400 * days))
        made = run(scenario, 0, scenario.link)
        rated.append(summary(made, scenario)["qoe_mean"]["xu-2018"])
    assert rated[0] == pytest.approx(rated[1], abs=0.05)
    assert 0.5 < rated[1] < 1


# Work is bounded before it begins.

ALONE = "[[boards]]\nid = 1\nsoc_pct = 5\n[contacts]\n"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("duration_s = 1e308\n" + ALONE + "cycle = [[]]", "duration_s"),
        ("duration_s = 1e15\n" + ALONE + "cycle = [[]]", "duration_s: asks for about 2e.14 cont"),
        ("duration_s = 1e5\nsample_s = 1e-6\n" + ALONE + "list = []", "sample_s: asks for about"),
        ("[crowd]\nn = 2_000_000_000\n[contacts]\nmeetings = 3", "crowd.n: asks for about 2e.09"),
        ("[crowd]\nn = 9\n[contacts]\nmeetings = 5_000_000_000", "contacts: asks for about 1e.10"),
        (
            'engine = "compiled"\nfloor_pct = 0\n[crowd]\nn = 9\n[contacts]\nmeetings = 10e14',
            "contacts.meetings: ",
        ),
        (
            'engine="compiled"\nfloor_pct=0\n[crowd]\nn=1_000_000_000\n[contacts]\nmeetings = 1',
            "crowd.n: asks for about 1e.09 agents",
        ),
        (
            "duration_s = 1e5\n[crowd]\nn = 99_999\n[contacts]\nmobility = { side_m = 1 }",
            "duration_s: asks for about",
        ),
        (
            "duration_s = 1e5\n[crowd]\nn = 9\n[contacts]\nmobility = { step_s = 1e-9 }",
            "duration_s: asks for about",
        ),
        (
            "duration_s = 1e5\n[crowd]\nn = 9\n[contacts]\nmobility = {side_m=1e-9, pause_s=0}",
            "duration_s: asks for about",
        ),
        ("duration_s = 9\n[crowd]\nn = 90_000\n[contacts]\nbus = 190", "crowd.n: asks for about"),
        ("duration_s = 9\n[crowd]\nn = 9\n[contacts]\nbus = 1e9", "contacts.bus: asks for about"),
        ("duration_s = 9\n[crowd]\nn = 9\n[contacts]\nrandom = 1e9", "contacts.random: asks for"),
        ("runs = 10_000\n[crowd]\nn = 9\n[contacts]\nmeetings = 9_000_000", "runs: asks for"),
    ],
)
def test_too_much_work_is_refused_in_one_line(text, key):
    with pytest.raises(WptError, match=key) as caught:
        parse(text, "s.toml")
    assert str(caught.value).startswith("s.toml, line ")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("runs", [1_000_000_000])
def test_too_many_runs_on_the_command_line_are_refused(runs):
    scenario = parse(TWO.format(contacts=[[1, 2, 0, 9]], end_s=9))
    with pytest.raises(WptError, match="runs: asks for about"):
        study.changed(scenario, runs=runs)
