# SPDX-License-Identifier: MIT
"""LAL: the shortest time to a target distribution without losses (Alg. 1 and 2), exactly.

The paper solves a series of linear programs. Without losses each of them is a maximum-flow
problem, and that of a longer horizon goes on from the flow of a shorter one (see `search`).
"""

from crowdcharge.planner.problem import TIME_MAX, Plan, Problem, unreachable
from crowdcharge.planner.reading import PAPER_TABLES, PaperReading, Stage, outside, stages
from crowdcharge.planner.routes import SENT_ROWS, shortest_plan
from crowdcharge.planner.search import NEVER
from crowdcharge.planner.timed import first_plan, never


def lal(problem: Problem, max_doublings: int = 3, reading: PaperReading = PAPER_TABLES) -> Plan:
    """Plan as if nothing were lost (`problem.beta` is not used), in the least time.

    Tries the horizons C, 2C, ... up to `max_doublings` doublings of the cycle C.
    """
    if (
        problem.limit is not None
        or reading.bounds_from == "first_contact"
        or reading.e_min_growth == "proportional"
    ):
        return first_plan(problem.lossless(), max_doublings, reading, at_once=False)
    last = min(problem.cycle << max_doublings, TIME_MAX)
    whole = Stage(-1, last, 1.0)  # e_min fixed: one question for all
    fixed = reading.e_min_growth == "fixed"
    for part in (whole,) if fixed else stages(problem, max_doublings, reading):
        time, sent, final = shortest_plan(
            problem.contacts,
            problem.cycle,
            problem.e0,
            problem.e_min,
            problem.e_max,
            part.growth,
            problem.shares,
            part.after,
            part.until,
            problem.tolerance,
        )
        if time != NEVER:
            return Plan("ok", time, 0.0, tuple(SENT_ROWS.iter_unpack(sent.data)), final)
    return unreachable(outside(problem, problem.e_min) or never(problem, max_doublings))
