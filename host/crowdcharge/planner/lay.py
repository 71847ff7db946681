# SPDX-License-Identifier: MIT
"""LAY: a target distribution with the least loss, in about the least time (Alg. 3), exactly."""

from crowdcharge.planner.problem import Plan, Problem
from crowdcharge.planner.reading import PAPER_TABLES, PaperReading
from crowdcharge.planner.timed import first_plan


def lay(problem: Problem, max_doublings: int = 3, reading: PaperReading = PAPER_TABLES) -> Plan:
    """Plan with the least loss within one cycle, or else at the earliest later time.

    Tries the horizons C, 2C, ... up to `max_doublings` doublings of the cycle C. A plan is
    effective if no contact carries energy both ways; the test is whether such a plan exists.
    """
    return first_plan(problem, max_doublings, reading, at_once=True)
