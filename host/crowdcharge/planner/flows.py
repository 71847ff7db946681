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
from crowdcharge.planner.problem import Floats, Ints


class Agents(NamedTuple):
    supply: Floats  # e0 - e_min
    room: Floats  # e_max - e_min
    wanted: Floats  # final level - e_min


class State(NamedTuple):
    """A flow that can be extended: what each entry's way carries, what each hub has over."""

    flow: Floats
    excess: Floats


class Work(NamedTuple):
    level: Ints  # hub -> steps to the nearest unfilled target, -1: none
    pointer: Ints  # hub -> the next arc to try
    queue: Ints
    path: Ints  # arcs of the current path: 2 * entry, + 1 if backwards


@jit
def new_state(hubs: Hubs) -> State:
    return State(np.zeros(len(hubs.ev)), np.zeros(len(hubs.start)))


@jit
def new_work(hubs: Hubs) -> Work:
    count = len(hubs.start)
    return Work(
        np.empty(count, np.int64),
        np.empty(count, np.int64),
        np.empty(count, np.int64),
        np.empty(count, np.int64),
    )


@jit
def extend(hubs: Hubs, agents: Agents, state: State, before: int, after: int) -> None:
    """Grow the horizon from `before` to `after` hubs: every agent carries on what it has.

    At its first hub an agent keeps what it wants itself and puts the rest up for others.
    """
    for m in range(hubs.start[before], hubs.start[after]):
        p, v = hubs.prev[m], hubs.ev[m]
        if p >= 0:
            state.flow[m] = state.flow[p]
        else:
            own = min(agents.supply[v], agents.wanted[v])
            state.flow[m] = own
            state.excess[hubs.hub[m]] += agents.supply[v] - own


@jit
def _layer(hubs: Hubs, agents: Agents, state: State, horizon: int, work: Work, eps: float) -> None:
    """Breadth first from the unfilled targets backwards along arcs that can take more."""
    level, queue, flow = work.level, work.queue, state.flow
    end = hubs.start[horizon]
    level[:horizon] = -1
    tail = 0
    for h in range(horizon):
        for m in range(hubs.start[h], hubs.start[h + 1]):
            if hubs.next[m] >= end and agents.wanted[hubs.ev[m]] - flow[m] > eps:
                level[h] = 0
                queue[tail] = h
                tail += 1
                break
    head = 0
    while head < tail:
        h = queue[head]
        head += 1
        for m in range(hubs.start[h], hubs.start[h + 1]):
            p, q = hubs.prev[m], hubs.next[m]
            if p >= 0 and agents.room[hubs.ev[m]] - flow[p] > eps:
                u = hubs.hub[p]
                if level[u] < 0:
                    level[u] = level[h] + 1
                    queue[tail] = u
                    tail += 1
            if q < end and flow[m] > eps:
                u = hubs.hub[q]
                if level[u] < 0:
                    level[u] = level[h] + 1
                    queue[tail] = u
                    tail += 1


@jit
def _arc(
    hubs: Hubs, agents: Agents, flow: Floats, horizon: int, level: Ints, code: int
) -> tuple[float, int]:
    """(what the arc can take, its head or -1 for a target) if it leads one layer down, else 0."""
    m = code >> 1
    here = hubs.hub[m]
    if code & 1:
        p = hubs.prev[m]
        if p >= 0 and level[hubs.hub[p]] == level[here] - 1:
            return flow[p], hubs.hub[p]
        return 0.0, -1
    q = hubs.next[m]
    if q >= hubs.start[horizon]:
        return agents.wanted[hubs.ev[m]] - flow[m], -1
    if level[hubs.hub[q]] == level[here] - 1:
        return agents.room[hubs.ev[m]] - flow[m], hubs.hub[q]
    return 0.0, -1


@jit
def _push(hubs: Hubs, state: State, source: int, depth: int, work: Work, amount: float) -> None:
    """Send `amount` along the path in `work.path`."""
    state.excess[source] -= amount
    for k in range(depth):
        code = work.path[k]
        if code & 1:
            state.flow[hubs.prev[code >> 1]] -= amount
        else:
            state.flow[code >> 1] += amount


@jit
def _drain(
    hubs: Hubs, agents: Agents, state: State, horizon: int, work: Work, eps: float, source: int
) -> None:
    """Depth first from one hub until its excess is gone or its layers are used up."""
    depth, here = 0, source
    while state.excess[source] > eps:
        if work.pointer[here] == 2 * hubs.start[here + 1]:
            if depth == 0:
                return
            depth -= 1
            back = work.path[depth]
            here = hubs.hub[back >> 1]
            work.pointer[here] += 1
            continue
        code = work.pointer[here]
        room, head = _arc(hubs, agents, state.flow, horizon, work.level, code)
        if room <= eps:
            work.pointer[here] += 1
            continue
        work.path[depth] = code
        depth += 1
        if head >= 0:
            here = head
            continue
        amount = state.excess[source]
        for k in range(depth):
            amount = min(
                amount, _arc(hubs, agents, state.flow, horizon, work.level, work.path[k])[0]
            )
        _push(hubs, state, source, depth, work, amount)
        depth, here = 0, source


@jit
def saturate(
    hubs: Hubs, agents: Agents, state: State, horizon: int, work: Work, eps: float
) -> bool:
    """Complete the flow to a maximum one; True if every target is filled."""
    while True:
        _layer(hubs, agents, state, horizon, work, eps)
        left = stuck = 0.0
        for h in range(horizon):
            if state.excess[h] > eps:
                left += state.excess[h]
                if work.level[h] < 0:
                    stuck += state.excess[h]
        if left <= eps * len(agents.supply):
            return True
        if stuck > eps * len(agents.supply):
            return False
        for h in range(horizon):
            work.pointer[h] = 2 * hubs.start[h]
        for h in range(horizon):
            if state.excess[h] > eps and work.level[h] >= 0:
                _drain(hubs, agents, state, horizon, work, eps, h)
