# SPDX-License-Identifier: MIT
"""The doubling search over horizons (Alg. 3, and Alg. 1 where hubs do not apply)."""

from dataclasses import replace

import numpy as np

from crowdcharge.errors import InputError
from crowdcharge.planner.effective import least_loss
from crowdcharge.planner.lossy import greatest_total
from crowdcharge.planner.lp import Model
from crowdcharge.planner.problem import TOLERANCE, Floats, Plan, Problem, unreachable
from crowdcharge.planner.reading import (
    PAPER_TABLES,
    PaperReading,
    Stage,
    e_min_at,
    outside,
    stages,
    widened,
)
from crowdcharge.planner.routes import RELATIVE_LEAST


def first_plan(problem: Problem, max_doublings: int, reading: PaperReading, at_once: bool) -> Plan:
    """Find the plan of least loss at the first horizon that has an effective plan.

    With `at_once` a plan within one cycle is taken as it is, with the cycle as its time (Alg. 3);
    otherwise its time is made as short as possible.
    """
    problem.check_horizon(max_doublings)
    if reading.bounds_from == "start" and (reason := outside(problem, problem.e_min)):
        return unreachable(reason)
    for stage in stages(problem, max_doublings, reading):
        plan = plan_at(problem, stage.until, stage, reading)
        if plan is None:
            continue
        if at_once and stage.after < 0:
            return plan
        return _earliest(problem, stage, reading, plan)
    return unreachable(never(problem, max_doublings))


def never(problem: Problem, max_doublings: int) -> str:
    last = problem.cycle << max_doublings
    return (
        f"no plan reaches the target within {last} slots ({max_doublings} doublings of the cycle)"
    )


def _earliest(problem: Problem, stage: Stage, reading: PaperReading, plan: Plan) -> Plan:
    """Halve the contact times in (after, until], cutting idle time off every plan found."""
    times = contact_times(problem, stage)
    if reading.e_min_growth == "proportional":  # not monotone: look at every time
        tried = (plan_at(problem, time, stage, reading) for time in times)
        return next((found for found in tried if found is not None), plan)
    infeasible, feasible = -1, _index(times, plan)
    while feasible - infeasible > 1:
        middle = (feasible + infeasible) // 2
        found = plan_at(problem, times[middle], stage, reading)
        if found is None:
            infeasible = middle
        else:
            feasible, plan = _index(times, found), found
    return replace(plan, time=times[feasible])


def _index(times: list[int], plan: Plan) -> int:
    return int(np.searchsorted(times, plan.last_transfer))


def contact_times(problem: Problem, stage: Stage) -> list[int]:
    """List the times kC + t in (after, until] for every contact slot t, and 0 if inside."""
    slots = np.unique(problem.contacts[:, 2])
    cycles = np.arange(-(-stage.until // problem.cycle))
    times = (cycles[:, None] * problem.cycle + slots).ravel()
    inside = times[(times > stage.after) & (times <= stage.until)]
    return ([0] if stage.after < 0 else []) + [int(time) for time in inside]


def plan_at(problem: Problem, time: int, stage: Stage, reading: PaperReading) -> Plan | None:
    """Find the effective plan of least loss with all transfers up to slot `time`, or None."""
    e_min = e_min_at(problem, time, stage, reading)
    inside = not outside(problem, e_min)
    if (not inside and reading.bounds_from == "start") or (e_min > problem.e_max).any():
        return None
    problem, slack = widened(problem, e_min), problem.tolerance
    beta, limit = problem.beta, problem.contact_limit
    if inside and isinstance(beta, float):
        answer = greatest_total(
            problem.contacts, limit, problem.cycle, time,
            problem.e0, problem.e_min, problem.e_max, problem.shares, beta, slack,
        )  # fmt: skip
        if answer.leftover <= slack:
            return _plan(problem, time, answer.flow.sent[None])
        if beta <= TOLERANCE or not answer.found or reading.burning == "refused":
            return None  # so small a loss burns nothing worth the name
    elif reading.burning == "refused":
        raise InputError("to refuse burning needs one beta for all contacts and levels in bounds")
    sent = least_loss(problem, time)
    return None if sent is None else _plan(problem, time, sent[None])


def lyp(problem: Problem, horizon: int) -> Plan:
    """Solve LYP(horizon) (eq. 9): "ok" with the effective plan of least loss, if there is one.

    Otherwise the status is "ineffective", with an optimum of the linear program that sends energy
    both ways in some contact (as in the paper's Table IV), or "unreachable" if the linear program
    has no solution either.
    """
    stage = Stage(-1, horizon, 1.0)
    if reason := outside(problem, problem.e_min):
        return unreachable(reason)
    if plan := plan_at(problem, horizon, stage, PAPER_TABLES):
        return plan
    model = Model(widened(problem, problem.e_min), horizon)
    solved = model.solve()
    if solved is None:
        return unreachable(f"no plan reaches the target within {horizon} slots")
    both = _plan(problem, horizon, solved[1].reshape(2, -1) * [[1.0], [-1.0]])
    return replace(both, status="ineffective", reason="only sending both ways in a contact")


def _plan(problem: Problem, time: int, sent: Floats) -> Plan:
    """Make a plan from `sent` (k, m): signed energies by contact of the horizon, in k rows."""
    rounds = max(len(problem.contacts), 1)
    used, row = np.nonzero(np.abs(sent.T) > RELATIVE_LEAST * problem.e_max.max())
    once = used % rounds
    rows, signed = problem.contacts[once], sent[row, used]
    onward, energy = signed > 0, np.abs(signed)
    ptx = np.where(onward, rows[:, 0], rows[:, 1])
    prx = np.where(onward, rows[:, 1], rows[:, 0])
    slots = rows[:, 2] + used // rounds * problem.cycle
    lost = problem.contact_beta[once] * energy
    final = problem.e0 - np.bincount(ptx, energy, problem.n)
    final += np.bincount(prx, energy - lost, problem.n)
    columns = (slots.tolist(), ptx.tolist(), prx.tolist(), energy.tolist())
    return Plan("ok", time, float(lost.sum()), tuple(zip(*columns, strict=True)), final)
