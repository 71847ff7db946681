# SPDX-License-Identifier: MIT
"""The shortest feasible horizon: gallop from a lower bound, then halve, always warm."""

from typing import NamedTuple

from crowdcharge.planner.flows import (
    Agents,
    State,
    extend,
    new_state,
    new_work,
    saturate,
)
from crowdcharge.planner.hubs import Cycle, Hubs, build_cycle, first_balanced_group, link
from crowdcharge.planner.jit import jit
from crowdcharge.planner.problem import Ints

RELATIVE_EPS = 1e-12
NEVER = -1


class Found(NamedTuple):
    """`time` (NEVER if there is none), with its flow on the first `groups` slots with contacts."""

    time: int
    groups: int
    cycle: Cycle
    hubs: Hubs
    state: State


@jit
def horizon_of(cycle: Cycle, group: int) -> int:
    """Hubs up to and with an absolute group (counted on over the cycles)."""
    groups = len(cycle.group_end)
    return (group // groups) * (len(cycle.start) - 1) + int(cycle.group_end[group % groups])


@jit
def _time(cycle: Cycle, group: int, slots: int) -> int:
    groups = len(cycle.group_end)
    return (group // groups) * slots + int(cycle.group_slot[group % groups])


@jit
def _last_group(cycle: Cycle, slots: int, until: int) -> int:
    """The last absolute group that is not after slot `until`; -1 if there is none."""
    groups = len(cycle.group_end)
    group = (until // slots) * groups - 1
    rest = until % slots
    for slot in cycle.group_slot:
        group += slot <= rest
    return group


@jit
def _copy(into: State, source: State) -> None:
    into.flow[:] = source.flow
    into.excess[:] = source.excess


@jit
def _shortest(
    cycle: Cycle, hubs: Hubs, agents: Agents, low: int, last: int, eps: float
) -> tuple[int, State]:
    """The first feasible group of low..last with its flow, or NEVER."""
    state, work = new_state(hubs), new_work(hubs)
    base, infeasible = 0, low - 1
    group, step = low, 1
    trial = state
    while True:
        horizon = horizon_of(cycle, group)
        extend(hubs, agents, state, base, horizon)
        base = horizon
        if saturate(hubs, agents, state, horizon, work, eps):
            break
        if group == last:
            return NEVER, state
        infeasible = group
        trial = State(state.flow.copy(), state.excess.copy())
        group = min(last, group + step)
        step *= 2
    feasible = group
    if feasible - infeasible <= 1:
        return feasible, state
    lower = trial  # the flow at `infeasible`
    trial = new_state(hubs)
    while feasible - infeasible > 1:
        middle = (feasible + infeasible) // 2
        _copy(trial, lower)
        horizon = horizon_of(cycle, middle)
        extend(hubs, agents, trial, horizon_of(cycle, infeasible), horizon)
        if saturate(hubs, agents, trial, horizon, work, eps):
            feasible = middle
            _copy(state, trial)
        else:
            infeasible = middle
            _copy(lower, trial)
    return feasible, state


@jit
def shortest_horizon(contacts: Ints, slots: int, agents: Agents, after: int, until: int) -> Found:
    """The first time in (after, until] at which the target can hold; 0 if it holds already."""
    n = len(agents.supply)
    eps = RELATIVE_EPS * max(agents.room.max(), 1e-300)
    cycle = build_cycle(contacts, n)
    low = first_balanced_group(cycle, agents.supply - agents.wanted, 1e3 * eps)
    hubs = link(cycle, n, 1)
    if low == -1 and after < 0:
        return Found(0, 0, cycle, hubs, new_state(hubs))
    if len(contacts) == 0 or low == len(cycle.group_end):
        return Found(NEVER, 0, cycle, hubs, new_state(hubs))
    low = max(low, _last_group(cycle, slots, after) + 1, 0)
    last = _last_group(cycle, slots, until)
    once = len(cycle.group_end) - 1
    group = NEVER
    state = new_state(hubs)
    if low <= min(once, last):
        group, state = _shortest(cycle, hubs, agents, low, min(once, last), eps)
    if group == NEVER and last > once:
        hubs = link(cycle, n, -(-until // slots))
        group, state = _shortest(cycle, hubs, agents, max(low, once + 1), last, eps)
    if group == NEVER:
        return Found(NEVER, 0, cycle, hubs, state)
    return Found(_time(cycle, group, slots), group + 1, cycle, hubs, state)
