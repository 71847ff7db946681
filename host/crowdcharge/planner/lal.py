# SPDX-License-Identifier: MIT
"""LAL: the shortest time to a target distribution without losses (Alg. 1 and 2), exactly.

The paper solves a series of linear programs. Without losses each of them is a maximum-flow
problem; the shortest horizon is found by galloping from a lower bound (see `search`).
"""

import numpy as np

from crowdcharge.planner.flows import Agents
from crowdcharge.planner.problem import Floats, Plan, Problem, unreachable
from crowdcharge.planner.reading import PAPER_TABLES, Reading, Stage, outside, stages
from crowdcharge.planner.routes import Sent, shortest_plan
from crowdcharge.planner.search import NEVER
from crowdcharge.planner.timed import first_plan, never

RELATIVE_LEAST = 1e-10


def lal(problem: Problem, max_doublings: int = 3, reading: Reading = PAPER_TABLES) -> Plan:
    """Plan as if nothing were lost (`problem.beta` is not used), in the least time.

    Tries the horizons C, 2C, ... up to `max_doublings` doublings of the cycle C.
    """
    if (
        problem.limit is not None
        or reading.bounds_from == "first_contact"
        or reading.e_min_growth == "proportional"
    ):
        return first_plan(problem.lossless(), max_doublings, reading, at_once=False)
    if reason := outside(problem, problem.e_min):
        return unreachable(reason)
    if reading.e_min_growth == "fixed":
        parts = [Stage(-1, problem.cycle << max_doublings, 1.0)]
    else:
        parts = list(stages(problem, max_doublings, reading))
    for part in parts:
        agents = _agents(problem, problem.e_min * part.growth)
        if (
            min(agents.supply.min(), agents.wanted.min()) < 0
            or (agents.wanted > agents.room).any()
        ):
            continue
        least = RELATIVE_LEAST * float(agents.room.max())
        time, sent = shortest_plan(
            problem.contacts, problem.cycle, agents, part.after, part.until, least
        )
        if time != NEVER:
            return _plan(problem, time, sent)
    return unreachable(never(problem, max_doublings))


def _agents(problem: Problem, e_min: Floats) -> Agents:
    final = problem.shares * problem.e0.sum()
    return Agents(problem.e0 - e_min, problem.e_max - e_min, final - e_min)


def _plan(problem: Problem, time: int, sent: Sent) -> Plan:
    final = problem.e0.copy()
    final += np.bincount(sent.prx, sent.energy, problem.n)
    final -= np.bincount(sent.ptx, sent.energy, problem.n)
    columns = (sent.slot.tolist(), sent.ptx.tolist(), sent.prx.tolist(), sent.energy.tolist())
    return Plan("ok", time, 0.0, tuple(zip(*columns, strict=True)), final)
