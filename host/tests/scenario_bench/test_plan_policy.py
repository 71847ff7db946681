# SPDX-License-Identifier: MIT
"""The plan policy in the simulator: it is LAY and LAL, and mends what goes wrong."""

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.errors import InputError
from crowdcharge.planner import PaperReading, Problem, lay
from crowdcharge.policy import Encounter, make
from crowdcharge.policy.plan_following import PlanFollowing
from crowdcharge.simulation.board import SimulatedBoard
from crowdcharge.simulation.contacts import from_slots
from crowdcharge.simulation.link import LinkModel
from crowdcharge.simulation.world import World

FIG3 = [(9, (0, 2)), (20, (2, 3)), (37, (1, 2)), (42, (1, 3))]  # slots from 1, of 50
FIG3_CYCLE = [[pair for slot, pair in FIG3 if slot == k] for k in range(1, 51)]
FRUGAL = PaperReading(burning="refused")
FIG3_J = [90.0, 18.0, 90.0, 90.0]


def play(policy, levels_J, slots, link, met=lambda contact: True, floor_pct=10.0):
    """Return the world after so many slots of the policy's cycle; `met`: which contacts happen."""
    boards = [SimulatedBoard(agent, 100.0, level_J) for agent, level_J in enumerate(levels_J)]
    contacts = from_slots(policy.cycle, policy.slot_s, slots * policy.slot_s)
    kept = [contact for contact in contacts if met(contact)]
    world = World(boards, kept, policy, link, np.random.default_rng(1), floor_pct)
    world.run_to(slots * policy.slot_s)
    return world


def levels(world):
    return np.array([board.energy_J for board in world.boards.values()])


def sent_J(world):
    return sum(transfer.sent_J for transfer in world.transfers)


def test_the_worked_example_of_the_paper_by_lay():
    policy = make("plan", cycle=FIG3_CYCLE, slot_s=1.0, beta=0.2, floor_pct=10.0)
    world = play(policy, FIG3_J, 60, LinkModel(inf, 0.8))
    assert levels(world) == pytest.approx([610 / 9] * 4)
    assert 0.2 * sent_J(world) == pytest.approx(152 / 9)
    assert len(policy.made) == 1


def test_the_worked_example_of_the_paper_by_lal():
    policy = make("plan", cycle=FIG3_CYCLE, slot_s=1.0, beta=0.2, method="lal", floor_pct=10.0)
    world = play(policy, FIG3_J, 60, LinkModel(inf, 1.0))
    assert levels(world) == pytest.approx([72.0] * 4)
    assert world.transfers[-1].contact.start_s == 58  # slot 59
    assert len(policy.made) == 1


def test_the_worked_example_with_a_missed_contact():
    policy = make("plan", cycle=FIG3_CYCLE, slot_s=1.0, beta=0.2, floor_pct=10.0)
    world = play(policy, FIG3_J, 200, LinkModel(inf, 0.8), met=lambda each: each.start_s != 36)
    assert levels(world) == pytest.approx([levels(world).mean()] * 4)
    assert len(policy.made) == 2
    assert sent_J(world) * 0.2 == pytest.approx(sum(FIG3_J) - levels(world).sum())


def random_cycle(rng, n, slots):
    """Return a ring in random order, so that all can reach all, and some contacts more."""
    order = rng.permutation(n).tolist()
    pairs = {(min(a, b), max(a, b)) for a, b in zip(order, order[1:] + order[:1], strict=True)}
    pairs |= {tuple(sorted(rng.choice(n, 2, replace=False).tolist())) for _ in range(n // 2)}
    cycle = [[] for _ in range(slots)]
    for pair in sorted(pairs):
        cycle[rng.integers(slots)].append(pair)
    return cycle


@settings(derandomize=True, deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), method=st.sampled_from(["lay", "lal"]))
def test_whatever_is_missed_the_target_is_reached_in_the_end(seed, method):
    """A third of the contacts of six cycles is missed; in the next ones all take place."""
    rng = np.random.default_rng(seed)
    cycle = random_cycle(rng, 6, 5)
    policy = make("plan", cycle=cycle, slot_s=10.0, power_W=4.0, beta=0.2, method=method)
    start_J = rng.uniform(25, 95, 6)
    missed = rng.random(10_000) < 1 / 3
    hit = iter(missed.tolist())
    world = play(
        policy, start_J, 100, LinkModel(4.0, 0.8),
        met=lambda contact: contact.start_s > 300 or not next(hit), floor_pct=20.0,
    )  # fmt: skip
    end_J = levels(world)
    assert np.abs(end_J - end_J.mean()).max() <= 2 * 0.02 * 100
    assert start_J.sum() - end_J.sum() == pytest.approx(0.2 * sent_J(world))
    assert end_J.min() >= 20
    for transfer in world.transfers:
        assert transfer.offered_J <= 40 * (1 + 1e-9)


def test_without_surprises_it_loses_exactly_what_lay_does():
    """A plan that hands energy through an agent within a slot may need a repair: contacts of a
    slot are simultaneous for the planner, and one after the other for agents.
    """
    rng, exact = np.random.default_rng(5), 0
    for _ in range(12):
        cycle, start_J = random_cycle(rng, 6, 5), rng.uniform(25, 95, 6)
        while not cycle[0]:  # the policy plans at the first meeting, the planner at slot 0
            cycle = random_cycle(rng, 6, 5)
        rows = [(a, b, t) for t, slot in enumerate(cycle, 1) for a, b in slot]
        plan = lay(Problem(start_J, np.array(rows), 5, 20, 100, beta=0.2), reading=FRUGAL)
        policy = make("plan", cycle=cycle, slot_s=1.0, beta=0.2)
        world = play(policy, start_J, 80, LinkModel(inf, 0.8), floor_pct=20.0)
        assert plan.ok
        if len(policy.made) == 1:
            exact += 1
            assert 0.2 * sent_J(world) == pytest.approx(plan.loss, abs=1e-6)
            assert np.ptp(levels(world)) < 1e-6
    assert exact >= 8


def test_a_contact_cut_short_is_made_up_for():
    """The link gives half the power that the plan reckons with."""
    policy = make("plan", cycle=[[[0, 1]], []], slot_s=10.0, power_W=4.0, beta=0.2)
    world = play(policy, [90.0, 30.0], 12, LinkModel(2.0, 0.8))
    assert len(policy.made) > 1
    assert np.ptp(levels(world)) <= 4


def test_a_load_is_made_up_for():
    policy = make("plan", cycle=[[[0, 1]], []], slot_s=10.0, beta=0.2)
    boards = [SimulatedBoard(0, 100.0, 90.0), SimulatedBoard(1, 100.0, 60.0, load_W=0.2)]
    contacts = from_slots(policy.cycle, 10.0, 100.0)
    world = World(boards, contacts, policy, LinkModel(inf, 0.8), np.random.default_rng(1))
    world.run_to(81.0)
    assert np.ptp(levels(world)) <= 4 + 0.2 * 21


def test_capacities_as_weights_give_equal_states_of_charge(crowd_of):
    views = crowd_of({1: (90, 100), 2: (20, 400)})
    policy = make("plan", cycle=[[[1, 2]]], slot_s=1.0, beta=0.0, weights="capacity", floor_pct=0)
    offer = policy.decide(Encounter(2, 1), views, 0.0, None)
    assert (offer.ptx, offer.prx, offer.energy_J) == (1, 2, pytest.approx(68))


def test_it_waits_until_everybody_was_seen(crowd_of):
    policy = make("plan", cycle=[[[1, 2]], [[2, 3]]], slot_s=1.0)
    views = crowd_of({1: (90, 100), 2: (30, 100)})
    assert policy.decide(Encounter(1, 2), views, 0.0, None) is None
    assert policy.made == []
    views |= crowd_of({3: (30, 100)})
    assert policy.decide(Encounter(1, 2), views, 0.5, None) is not None


def test_the_levels_are_looked_at_once_a_slot(crowd_of):
    """Boards that have begun to send must not look like a crowd off its plan."""
    policy = make("plan", cycle=[[[1, 2], [3, 4]]], slot_s=1.0, beta=0.0)
    views = crowd_of({1: (90, 100), 2: (30, 100), 3: (90, 100), 4: (30, 100)})
    assert policy.decide(Encounter(1, 2), views, 0.0, None).energy_J == pytest.approx(30)
    views |= crowd_of({1: (75, 100), 2: (45, 100)})
    assert policy.decide(Encounter(4, 3), views, 0.3, None).energy_J == pytest.approx(30)
    assert len(policy.made) == 1


def test_slots_begin_where_they_should():
    """3 * 0.7 is less than 2.1, and 2.1 / 0.7 is less than 3."""
    policy = PlanFollowing([[], [], [], [[0, 1]]], 0.7, beta=0.2)
    world = play(policy, [90.0, 30.0], 4, LinkModel(inf, 0.8))
    assert len(world.transfers) == 1


def test_who_starts_below_the_floor_receives():
    policy = make("plan", cycle=[[[0, 1]]], slot_s=1.0, beta=0.2, floor_pct=20.0)
    world = play(policy, [90.0, 5.0], 2, LinkModel(inf, 0.8), floor_pct=20.0)
    assert np.ptp(levels(world)) < 1e-9


def test_an_unreachable_target_comes_with_the_planners_reason(crowd_of):
    policy = make("plan", cycle=[[[1, 2], [3, 4]]], slot_s=1.0)
    views = crowd_of({1: (90, 100), 2: (80, 100), 3: (40, 100), 4: (30, 100)})
    with pytest.raises(InputError, match=r"^policy plan: no plan .* 8 slots .*; give more"):
        policy.decide(Encounter(1, 2), views, 0.0, None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "lyp"}, "method must be"),
        ({"cycle": [[1, 2]]}, "cycle must be a list of slots"),
        ({"cycle": [[[1, 2], [2, 1]]]}, "different pairs"),
        ({"cycle": [[[1, 1]]]}, "different pairs"),
        ({"cycle": [[]]}, "nobody meets anybody"),
        ({"reserve_s": 1.0}, "reserve_s must be"),
        ({"tolerance_pct": 0}, "tolerance_pct > 0"),
        ({"beta": 1.0}, "beta must be"),
        ({"slot_s": "1"}, "slot_s must be a number"),
    ],
)
def test_wrong_options(options, said):
    with pytest.raises(InputError, match=said):
        make("plan", **({"cycle": [[[1, 2]]], "slot_s": 1.0} | options))


@pytest.fixture
def crowd_of():
    return lambda levels: {
        agent: SimulatedBoard(agent, full, now) for agent, (now, full) in levels.items()
    }
