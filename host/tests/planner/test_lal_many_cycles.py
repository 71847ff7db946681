# SPDX-License-Identifier: MIT
"""LAL over many cycles, where the answer is known in closed form."""

import numpy as np
import pytest

from crowdcharge.planner import Problem, lal, verify


@pytest.mark.parametrize("n", range(3, 10))
def test_energy_that_meets_its_contacts_too_late_makes_one_hop_a_cycle(n):
    contacts = [(i, i + 1, n - 1 - i) for i in range(n - 1)]
    problem = Problem([10.0 * n, *[0.0] * (n - 1)], contacts, n, 0, 10 * n)
    plan = lal(problem)
    assert plan.time == (n - 2) * n + 1
    assert verify(problem, plan).violations == ()


@pytest.mark.parametrize("loads", [1, 2, 7, 100, 1000])
def test_a_relay_carries_its_room_once_a_cycle(loads):
    """What agent 0 has over goes to agent 2 through agent 1, who has room for 1 more."""
    problem = Problem(
        [2000.0 + loads, 10.0, 2000.0 - loads],
        [(0, 1, 2), (1, 2, 4)],
        5,
        [0, 10, 0],
        [4000, 11, 4000],
        target=np.array([2000, 10, 2000]) / 4010,
    )
    plan = lal(problem, max_doublings=10)
    assert plan.time == 5 * (loads - 1) + 4
    assert len(plan.transfers) == 2 * loads
    assert verify(problem, plan).violations == ()


def test_one_cycle_too_few_for_the_relay():
    problem = Problem([20, 10, 0], [(0, 1, 1), (1, 2, 2)], 2, [0, 10, 0], [20, 11, 20])
    assert lal(problem, max_doublings=3).status == "unreachable"  # 10 loads, 8 cycles
    assert lal(problem, max_doublings=4).time == 20


@pytest.mark.parametrize("max_doublings", [0, 3, 40])
def test_a_group_that_can_not_balance_ends_the_search_at_once(max_doublings):
    """Agents 0 and 1 have more than their share and never meet 2 and 3."""
    problem = Problem([30, 20, 10, 10], [(0, 1, 1), (2, 3, 2)], 3, 0, 100)
    assert lal(problem, max_doublings).status == "unreachable"


def test_shares_of_few_digits_are_a_target_too():
    problem = Problem(
        [10, 40, 70], [(0, 1, 1), (1, 2, 2), (0, 2, 3)], 3, 0, 100, 0.0, [0.3333333333] * 3
    )
    plan = lal(problem)
    assert plan.ok
    assert plan.final == pytest.approx([40, 40, 40])
