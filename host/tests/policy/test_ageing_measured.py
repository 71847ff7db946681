# SPDX-License-Identifier: MIT
"""AG3 by hand: what it holds for a swing, what heat and wear change, what it recalls."""

from copy import deepcopy

import numpy as np
import pytest

from crowdcharge.policy import Encounter, make
from crowdcharge.policy.ageing import XU_TIME_per_s, xu_depth_stress, xu_soc_stress
from crowdcharge.policy.ageing_aware import step_stress
from crowdcharge.policy.ageing_measured import note_level
from crowdcharge.policy.rule import Keeps

REST_s = 1.5 * 86_400.0
NAME = "ageing-aware-measured"


def swing(*levels: float) -> float:
    """Return the charge since the half cycle began."""
    keeps = Keeps()
    for level in levels:
        note_level(keeps, level)
    return keeps.end - keeps.turn


@pytest.mark.parametrize(
    ("levels", "share"),
    [
        ((0.5,), 0.0),
        ((0.5, 0.7), 0.2),
        ((0.5, 0.7, 0.695, 0.72), 0.22),  # a step back of less than 1 % is the gauge's
        ((0.5, 0.7, 0.6), -0.1),
        ((0.5, 0.7, 0.6, 0.3, 0.35), 0.05),
    ],
)
def test_a_swing_goes_on_until_the_charge_turns(levels, share):
    assert swing(*levels) == pytest.approx(share)


def test_a_step_onward_deepens_the_half_cycle_and_a_step_back_begins_one():
    falling = swing(0.9, 0.6)
    onward = 0.5 * (xu_depth_stress(0.4) - xu_depth_stress(0.3))
    assert step_stress(falling, -0.1) == pytest.approx(onward)
    assert step_stress(falling, 0.1) == pytest.approx(0.5 * xu_depth_stress(0.1))
    assert step_stress(swing(0.9), 0.0) == 0.0


def offered(crowd, socs, policy=None, coil_C=25.0):
    people = crowd(socs, 0.2, capacity=100.0)
    for view in people.views.values():
        view.coil_C = coil_C
    offer = people.meet(policy or make(NAME, horizon_s=REST_s), 0, 1)
    return 0.0 if offer is None else offer.energy_J


def test_without_a_past_it_sends_what_the_rule_without_measures_sends(crowd):
    rule = make("ageing-aware-soc", horizon_s=REST_s)
    plain = crowd([95, 15], 0.2, capacity=100.0).meet(rule, 0, 1)
    assert offered(crowd, [95, 15]) == plain.energy_J > 0


def test_it_sends_less_the_warmer_the_boards_are(crowd):
    sent_J = [offered(crowd, [95, 15], coil_C=coil_C) for coil_C in (10, 25, 45)]
    assert sent_J == sorted(sent_J, reverse=True)
    assert sent_J[0] > sent_J[1] > sent_J[2] == 0


@pytest.mark.parametrize("coil_C", [-3276.8, -273.2, -273.1, 3276.7])
def test_no_coil_that_a_board_may_report_breaks_it(crowd, coil_C):
    assert offered(crowd, [95, 15], coil_C=coil_C) >= 0


def test_worn_boards_are_spared(crowd):
    worn, absurd = (make(NAME, horizon_s=REST_s) for _ in range(2))
    for board_id in (0, 1):
        worn.recall(board_id, [], 0.3)
        absurd.recall(board_id, [], 7.0)
    assert 0 < offered(crowd, [95, 15], worn) < offered(crowd, [95, 15])
    assert offered(crowd, [95, 15], absurd) == offered(crowd, [95, 15])


def test_who_has_given_much_already_gives_less(crowd):
    deep = make(NAME, horizon_s=REST_s)
    deep.recall(0, [0.99], 0.0)
    assert 0 < offered(crowd, [60, 15], deep) < offered(crowd, [60, 15])


def test_the_amount_is_the_best_of_a_fine_search(crowd):
    """Against the formula written anew: calendar, half cycles, heat and fade of both."""
    policy = make(NAME, horizon_s=REST_s)
    policy.recall(0, [0.99], 0.1)
    sent_J = offered(crowd, [95, 15], policy, coil_C=30.0)
    heat = np.exp(6.93e-2 * 5 * 298.15 / 303.15)

    def stress(x_J):
        total = 0.0
        for soc, step, before in (
            (0.95, -x_J / 90, 0.04),
            (0.15, 0.8 * x_J / 100, 0.0),
        ):
            deeper = xu_depth_stress(before + abs(step)) if before + abs(step) else 0.0
            half = 0.5 * (deeper - (xu_depth_stress(before) if before else 0.0))
            total += (XU_TIME_per_s * REST_s + heat * half) * xu_soc_stress(soc + step)
        return total

    assert stress(sent_J) <= min(stress(x) for x in np.linspace(0, 40, 2001)) * 1.002


def test_a_copy_that_is_asked_leaves_the_policy_as_it_was(crowd):
    """The live page asks copies."""
    policy = make(NAME, horizon_s=REST_s)
    policy.recall(0, [0.9, 0.95], 0.0)
    people = crowd([50, 15], 0.2, capacity=100.0)
    deepcopy(policy).decide(Encounter(0, 1), people.views, 0.0, people.rng)
    assert policy.keeps[0].end - policy.keeps[0].turn == pytest.approx(0.05)
