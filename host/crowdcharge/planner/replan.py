# SPDX-License-Identifier: MIT
"""Plan again from where the crowd is now (receding horizon), as after a missed contact."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from crowdcharge.planner.lay import lay
from crowdcharge.planner.problem import Floats, Plan, Problem

Planner = Callable[..., Plan]


def replan(
    problem: Problem, state: Floats, slot: int, planner: Planner = lay, max_doublings: int = 3
) -> Plan:
    """Plan from the levels `state` (n,) at the end of absolute slot `slot`, where 0 is the start.

    The contacts stay those of the cycle; the first that can be used is in slot `slot` + 1. Times
    of the result are absolute, so it can take the place of the rest of an earlier plan. The
    target, the bounds and the losses are those of `problem`; its `e0` is not used.
    """
    rolled = problem.contacts.copy()
    rolled[:, 2] = (rolled[:, 2] - slot - 1) % problem.cycle + 1
    now = replace(problem, e0=np.asarray(state, dtype=np.float64), contacts=rolled)
    plan = planner(now, max_doublings=max_doublings)
    if plan.time is None:
        return plan
    later = tuple((t + slot, i, j, sent) for t, i, j, sent in plan.transfers)
    return replace(plan, time=plan.time + slot, transfers=later)
