# SPDX-License-Identifier: MIT
"""The shortest feasible horizon: gallop from a lower bound, then halve, always warm."""

from typing import NamedTuple

from crowdcharge.planner.flows import (
    Agents,
    State,
    Work,
    copy_state,
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
SINGLE_STEPS = 8


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
def _opens(cycle: Cycle, hubs: Hubs, state: State, work: Work, group: int) -> int:
    """The first group after an infeasible one in which stuck energy can get out.

    `work.level` < 0 marks the hubs that reach no unfilled target. Until an agent that was last
    in such a hub meets another one, no horizon is feasible.
    """
    horizon = horizon_of(cycle, group)
    for h in range(horizon, len(hubs.start) - 1):
        side = -1
        for m in range(hubs.start[h], hubs.start[h + 1]):
            last = state.last[hubs.ev[m]]
            here = 2 if last < 0 else int(work.level[hubs.hub[last]] >= 0)
            if here == 2 or (side >= 0 and here != side):
                while horizon_of(cycle, group) <= h:
                    group += 1
                return group
            side = here
    return (len(hubs.start) - 1) // (len(cycle.start) - 1) * len(cycle.group_end)


@jit
def _shortest(
    cycle: Cycle, hubs: Hubs, agents: Agents, low: int, last: int, eps: float
) -> tuple[int, State]:
    """The first feasible group of low..last with its flow, or NEVER.

    Goes from one group that opens a way to the next; if that takes long, gallops and halves.
    """
    n = len(agents.supply)
    state, work = new_state(hubs, n), new_work(hubs)
    base = step = tries = 0
    lower = state
    while True:
        group = min(last, low + step)
        if step:
            lower = State(state.flow.copy(), state.excess.copy(), state.last.copy())
        horizon = horizon_of(cycle, group)
        extend(hubs, agents, state, base, horizon)
        if saturate(hubs, agents, state, horizon, work, eps):
            break
        base = horizon
        low = max(group + 1, _opens(cycle, hubs, state, work, group))
        if low > last:
            return NEVER, state
        tries += 1
        step = 0 if tries < SINGLE_STEPS else max(1, 2 * step)
    trial = new_state(hubs, n) if group > low else state
    while group > low:
        middle = (group + low) // 2
        horizon = horizon_of(cycle, middle)
        copy_state(trial, lower)
        extend(hubs, agents, trial, base, horizon)
        if saturate(hubs, agents, trial, horizon, work, eps):
            group = middle
            copy_state(state, trial)
        else:
            base = horizon
            low = max(middle + 1, _opens(cycle, hubs, trial, work, middle))
            copy_state(lower, trial)
    return group, state


@jit
def shortest_horizon(contacts: Ints, slots: int, agents: Agents, after: int, until: int) -> Found:
    """The first time in (after, until] at which the target can hold; 0 if it holds already."""
    n = len(agents.supply)
    eps = RELATIVE_EPS * max(agents.room.max(), 1e-300)
    cycle = build_cycle(contacts, n)
    low = first_balanced_group(cycle, agents.supply - agents.wanted, 1e3 * eps)
    hubs = link(cycle, n, 0)
    if low == -1 and after < 0:
        return Found(0, 0, cycle, hubs, new_state(hubs, n))
    if len(contacts) == 0 or low == len(cycle.group_end):
        return Found(NEVER, 0, cycle, hubs, new_state(hubs, n))
    low = max(low, _last_group(cycle, slots, after) + 1, 0)
    last = _last_group(cycle, slots, until)
    groups = len(cycle.group_end)
    group, cycles = NEVER, 2  # the second cycle costs little and is often needed
    state = new_state(hubs, n)
    while group == NEVER and low <= last:
        if low < groups * cycles:
            hubs = link(cycle, n, cycles)
            group, state = _shortest(cycle, hubs, agents, low, min(groups * cycles - 1, last), eps)
            low = max(low, groups * cycles)
        cycles *= 2
    if group == NEVER:
        return Found(NEVER, 0, cycle, hubs, state)
    return Found(_time(cycle, group, slots), group + 1, cycle, hubs, state)
