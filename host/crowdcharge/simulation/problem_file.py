# SPDX-License-Identifier: MIT
"""PURE: a scenario's levels and contacts as a planning problem, and a problem as a scenario.

Both hold the same where boards meet in a cycle of slots. A scenario has one floor, one loss and
one power for all, so a problem that differs from agent to agent or from contact to contact is
refused and not blurred.
"""

import numpy as np

from crowdcharge.errors import InputError
from crowdcharge.planner import Problem
from crowdcharge.planner.problem import TOLERANCE, Floats
from crowdcharge.policy.plan_following import cyclic_problem
from crowdcharge.simulation.link import LinkModel
from crowdcharge.simulation.scenario import Scenario, Slots

SLOT_s = 60.0  # of a scenario that is made of a problem, whose slots have no length
_CYCLES = 8  # the longest horizon of a plan with three doublings


def problem_of(scenario: Scenario, link: LinkModel) -> Problem:
    """Return what `plan` decides for a scenario; agents are its boards, ordered by their ids.

    InputError where the scenario does not name its boards and a cycle of contacts.
    """
    spec = scenario.contacts
    if not scenario.boards or not isinstance(spec, Slots):
        raise InputError(f"{scenario.name}: a plan needs [[boards]] and [contacts] with cycle")
    boards = sorted(scenario.boards, key=lambda board: board.id)
    capacity_J = np.array([board.capacity_J for board in boards])
    return cyclic_problem(
        spec.cycle,
        [board.id for board in boards],
        capacity_J * np.array([board.soc_pct / 100 for board in boards]),
        capacity_J,
        floor=scenario.floor_pct / 100,
        beta=link.beta,
        limit_J=link.power_W * spec.slot_s,
    )


def scenario_text(problem: Problem) -> str:
    """Return the scenario file of a problem: agent i is board i + 1, its policy is `plan`.

    InputError, with the key, for what a scenario cannot say.
    """
    floor_pct = 100 * _floor(problem)
    lines = [
        f"duration_s = {_CYCLES * problem.cycle * SLOT_s!r}",
        f"floor_pct = {floor_pct!r}",
    ]
    for agent, (level_J, capacity_J) in enumerate(
        zip(problem.e0.tolist(), problem.e_max.tolist(), strict=True), 1
    ):
        soc_pct = min(100 * level_J / capacity_J, 100.0)
        lines += ["", "[[boards]]", f"id = {agent}"]
        lines += [f"capacity_J = {capacity_J!r}", f"soc_pct = {soc_pct!r}"]
    lines += ["", "[contacts]", f"slot_s = {SLOT_s!r}", "cycle = ["]
    slots: list[list[list[int]]] = [[] for _ in range(problem.cycle)]
    for i, j, t in problem.contacts.tolist():
        slots[t - 1].append([i + 1, j + 1])
    lines += [f"  {slot}," for slot in slots]
    lines += ["]", "", "[link]"]
    if problem.limit is not None:
        lines.append(f"power_W = {_one('limit', problem.limit) / SLOT_s!r}")
    lines += [f"efficiency = {1 - _one('beta', problem.beta)!r}", "", "[policy]", 'name = "plan"']
    return "\n".join(lines) + "\n"


def _floor(problem: Problem) -> float:
    """Return the one floor of all, 0 to 1; an agent that starts below it may stay there."""
    if not np.allclose(problem.shares, 1 / problem.n, rtol=0, atol=TOLERANCE):
        raise InputError("target: in a scenario every board shall end with the same")
    if (problem.e0 > problem.e_max).any():
        raise InputError("e0: no board of a scenario begins with more than its capacity")
    floor = float((problem.e_min / problem.e_max).max())
    wanted = np.minimum(floor * problem.e_max, problem.e0)
    if not np.allclose(problem.e_min, wanted, rtol=0, atol=TOLERANCE * problem.e_max.max()):
        raise InputError("e_min: a scenario has one floor for all boards, as a share of e_max")
    return floor


def _one(key: str, values: float | Floats) -> float:
    """Return the one value of all contacts."""
    found = np.unique(np.asarray(values, float))
    if len(found) > 1:
        raise InputError(f"{key}: a scenario has one for all contacts")
    return float(found[0]) if len(found) else 0.0
