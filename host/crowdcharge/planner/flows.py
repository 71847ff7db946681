# SPDX-License-Identifier: MIT
"""Maximum flow over hubs (Dinic), warm-started from a shorter horizon.

All levels are counted above `e_min`: an agent brings `supply` to its first hub, carries at most
`room`, and leaves its last hub of the horizon with at most `wanted`. A horizon is feasible when
all supply arrives (eq. 6 is a plain flow problem, against section III-A of the paper).
"""

from typing import NamedTuple

import numpy as np

from crowdcharge.planner.hubs import Hubs
from crowdcharge.planner.jit import jit
from crowdcharge.planner.problem import Floats, Shorts


class Agents(NamedTuple):
    supply: Floats  # e0 - e_min
    room: Floats  # e_max - e_min
    wanted: Floats  # final level - e_min


class State(NamedTuple):
    """A flow that can be extended: what each entry's way carries, what each hub has over."""

    flow: Floats
    excess: Floats
    last: Shorts  # agent -> its last entry within the horizon, -1: none


class Work(NamedTuple):
    level: Shorts  # hub -> steps to the nearest unfilled target, -1: none
    pointer: Shorts  # hub -> the next arc to try
    queue: Shorts
    path: Shorts  # arcs of the current path: 2 * entry, + 1 if backwards
    room: Floats  # what each of them can take


@jit
def new_state(hubs: Hubs, n: int) -> State:
    return State(np.zeros(len(hubs.ev)), np.zeros(len(hubs.start)), np.full(n, -1, np.int32))


@jit
def copy_state(into: State, source: State) -> None:
    into.flow[:] = source.flow
    into.excess[:] = source.excess
    into.last[:] = source.last


@jit
def new_work(hubs: Hubs) -> Work:
    count = len(hubs.start)
    return Work(
        np.empty(count, np.int32),
        np.empty(count, np.int32),
        np.empty(count, np.int32),
        np.empty(count, np.int32),
        np.empty(count),
    )


@jit
def begin(hubs: Hubs, agents: Agents, state: State, horizon: int) -> None:
    """A first flow: every agent keeps what it wants itself and hands the rest to whom it meets.

    What finds no taker at first hand stays at the giver's first hub as excess.
    """
    own = np.minimum(agents.supply, agents.wanted)
    extra, need = agents.supply - own, agents.wanted - own
    for h in range(horizon):
        first, end = hubs.start[h], hubs.start[h + 1]
        taker = first
        for m in range(first, end):
            v = hubs.ev[m]
            while extra[v] > 0.0 and taker < end:
                w = hubs.ev[taker]
                amount = min(extra[v], need[w])
                extra[v] -= amount
                need[w] -= amount
                own[w] += amount
                taker += int(need[w] <= 0.0)
        for m in range(first, end):
            v = hubs.ev[m]
            state.flow[m] = own[v] + extra[v]
            state.last[v] = m
    for m in range(hubs.start[horizon]):
        v = hubs.ev[m]
        state.flow[m] -= extra[v]
        if hubs.prev[m] < 0:
            state.excess[hubs.hub[m]] += extra[v]


@jit
def extend(hubs: Hubs, agents: Agents, state: State, before: int, after: int) -> None:
    """Grow the horizon from `before` to `after` hubs: every agent carries on what it has."""
    if before == 0:
        begin(hubs, agents, state, after)
        return
    for m in range(hubs.start[before], hubs.start[after]):
        p, v = hubs.prev[m], hubs.ev[m]
        state.last[v] = m
        if p >= 0:
            state.flow[m] = state.flow[p]
        else:
            own = min(agents.supply[v], agents.wanted[v])
            state.flow[m] = own
            state.excess[hubs.hub[m]] += agents.supply[v] - own


@jit
def _layer(
    hubs: Hubs, agents: Agents, state: State, horizon: int, work: Work, eps: float, waiting: int
) -> None:
    """Breadth first from the unfilled targets backwards along arcs that can take more.

    Ends early when all `waiting` hubs with an excess are found.
    """
    level, queue, flow, room = work.level, work.queue, state.flow, agents.room
    start, ev, prev, prev_hub, next_hub = (
        hubs.start,
        hubs.ev,
        hubs.prev,
        hubs.prev_hub,
        hubs.next_hub,
    )
    level[:horizon] = -1
    head = tail = 0
    for v in range(len(state.last)):
        m = state.last[v]
        if m >= 0 and agents.wanted[v] - flow[m] > eps and level[hubs.hub[m]] < 0:
            level[hubs.hub[m]] = 0
            queue[tail] = hubs.hub[m]
            tail += 1
    while head < tail and waiting > 0:
        h = queue[head]
        head += 1
        waiting -= int(state.excess[h] > eps)
        for m in range(start[h], start[h + 1]):
            u = prev_hub[m]
            if u >= 0 and level[u] < 0 and room[ev[m]] - flow[prev[m]] > eps:
                level[u] = level[h] + 1
                queue[tail] = u
                tail += 1
            u = next_hub[m]
            if u < horizon and level[u] < 0 and flow[m] > eps:
                level[u] = level[h] + 1
                queue[tail] = u
                tail += 1


@jit
def _send(
    prev: Shorts, flow: Floats, path: Shorts, room: Floats, depth: int, left: float, eps: float
) -> tuple[float, int]:
    """Send what the path can take; (the amount, the place of its first arc that is then full)."""
    amount = left
    for k in range(depth):
        amount = min(amount, room[k])
    full = 0
    for k in range(depth - 1, -1, -1):
        code = path[k]
        if code & 1:
            flow[prev[code >> 1]] -= amount
        else:
            flow[code >> 1] += amount
        room[k] -= amount
        if room[k] <= eps:
            full = k
    return amount, full


@jit
def _drain(  # noqa: C901 - one loop; a call for each arc costs more than the arc
    hubs: Hubs, agents: Agents, state: State, horizon: int, work: Work, eps: float
) -> None:
    """Depth first from every hub until its excess is gone or its layers are used up.

    An arc leads one layer down, or to a target. (Arrays are taken out of their tuples first:
    in an inner loop every look-up in a tuple costs two atomic reference counts.)
    """
    start, hub, ev, prev = hubs.start, hubs.hub, hubs.ev, hubs.prev
    prev_hub, next_hub, wanted, most = hubs.prev_hub, hubs.next_hub, agents.wanted, agents.room
    flow, excess, level, pointer = state.flow, state.excess, work.level, work.pointer
    path, rooms = work.path, work.room
    for source in range(horizon):
        if excess[source] <= eps or level[source] < 0:
            continue
        depth, here, left = 0, source, excess[source]
        while left > eps:
            code = pointer[here]
            if code == 2 * start[here + 1]:
                if depth == 0:
                    break
                depth -= 1
                here = hub[path[depth] >> 1]
                pointer[here] += 1
                continue
            m, below, room = code >> 1, level[here] - 1, 0.0
            head = prev_hub[m] if code & 1 else next_hub[m]
            if code & 1:
                if head >= 0 and level[head] == below:
                    room = flow[prev[m]]
            elif head >= horizon:
                room = wanted[ev[m]] - flow[m]
            elif level[head] == below:
                room = most[ev[m]] - flow[m]
            if room <= eps:
                pointer[here] = code + 1
                continue
            path[depth], rooms[depth] = code, room
            depth += 1
            if head < horizon:
                here = head
                continue
            amount, depth = _send(prev, flow, path, rooms, depth, left, eps)
            left -= amount
            here = hub[path[depth] >> 1]
        excess[source] = left


@jit
def saturate(
    hubs: Hubs, agents: Agents, state: State, horizon: int, work: Work, eps: float
) -> bool:
    """Complete the flow to a maximum one; True if every target is filled.

    False as soon as some excess is cut off from all targets (`work.level` < 0 where it is).
    """
    enough = eps * len(agents.supply)
    while True:
        waiting, left = 0, 0.0
        for h in range(horizon):
            work.pointer[h] = 2 * hubs.start[h]
            if state.excess[h] > eps:
                waiting += 1
                left += state.excess[h]
        if left <= enough:
            return True
        _layer(hubs, agents, state, horizon, work, eps, waiting)
        stuck = 0.0
        for h in range(horizon):
            if state.excess[h] > eps and work.level[h] < 0:
                stuck += state.excess[h]
        if stuck > enough:
            return False
        _drain(hubs, agents, state, horizon, work, eps)
