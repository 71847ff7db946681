# SPDX-License-Identifier: MIT
"""Planning again from the middle: after a missed contact the target is still reached."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.planner import lal, lay, replan

from .random_problems import random_problem


def execute(problem, plan, state, first, last):
    """Levels after the plan's transfers in slots first..last."""
    level = np.array(state, dtype=float)
    for t, i, j, sent in plan.transfers:
        if first <= t <= last:
            level[i] -= sent
            level[j] += (1 - problem.beta) * sent
    return level


def test_from_the_start_it_is_the_plan_itself(fig3):
    assert replan(fig3, fig3.e0, 0).to_json() == lay(fig3).to_json()


def test_times_are_absolute_and_in_contact(fig3):
    again = replan(fig3, fig3.e0, 37)
    contacts = {(i, j, t) for i, j, t in fig3.contacts.tolist()}
    for t, i, j, _ in again.transfers:
        assert t > 37
        assert {(i, j, (t - 1) % 50 + 1), (j, i, (t - 1) % 50 + 1)} & contacts


def test_a_missed_contact_is_made_up_for(fig3):
    plan = lay(fig3)
    level = execute(fig3, plan, fig3.e0, 1, 36)  # the contact in slot 37 is missed
    again = replan(fig3, level, 37)
    end = execute(fig3, again, level, 38, again.time)
    assert end == pytest.approx(np.full(4, end.mean()))
    assert again.time > plan.time


@settings(derandomize=True, deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**6), missed=st.integers(0, 30))
def test_any_one_missed_transfer(seed, missed):
    problem = random_problem(seed, 5, connected=1.0)
    plan = lay(problem)
    if not plan.transfers or not isinstance(problem.beta, float):
        return
    slot = plan.transfers[missed % len(plan.transfers)][0]
    level = execute(problem, plan, problem.e0, 1, slot - 1)
    if np.any(level < problem.e_min) or np.any(level > problem.e_max):
        level = level.clip(problem.e_min, problem.e_max)  # rounding only
    again = replan(problem, level, slot)
    if again.ok:
        end = execute(problem, again, level, slot + 1, again.time)
        assert end == pytest.approx(problem.shares * end.sum(), abs=1e-6)
        assert level.sum() - end.sum() == pytest.approx(again.loss, abs=1e-6)


def test_replan_takes_another_planner(fig3):
    lossless = fig3.lossless()
    assert replan(lossless, fig3.e0, 0, planner=lal).time == 59
