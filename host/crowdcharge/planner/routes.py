# SPDX-License-Identifier: MIT
"""From flows over hubs back to transfers along contacts."""

from typing import NamedTuple

import numpy as np

from crowdcharge.planner.flows import Agents
from crowdcharge.planner.hubs import find
from crowdcharge.planner.jit import inlined, jit
from crowdcharge.planner.problem import Floats, Ints, Shorts
from crowdcharge.planner.search import NEVER, Found, horizon_of, shortest_horizon

RELATIVE_LEAST = 1e-10  # smaller transfers are rounding


class Sent(NamedTuple):
    """Columns of the transfers."""

    slot: Ints
    ptx: Ints
    prx: Ints
    energy: Floats


class Forest(NamedTuple):
    """A spanning forest of one slot's contacts, by agent.

    `mix` is the exclusive or of the numbers of an agent's tree edges: at a leaf, the one edge.
    """

    parent: Ints
    degree: Ints
    mix: Ints
    leaves: Ints


@jit
def _grow(contacts: Ints, first: int, last: int, forest: Forest) -> None:
    for c in range(first, last):
        for side in range(2):
            v = contacts[c, side]
            forest.parent[v] = v
            forest.degree[v] = forest.mix[v] = 0
    for c in range(first, last):
        a, b = contacts[c, 0], contacts[c, 1]
        root_a, root_b = find(forest.parent, a), find(forest.parent, b)
        if root_a != root_b:
            forest.parent[root_a] = root_b
            for v in (a, b):
                forest.degree[v] += 1
                forest.mix[v] ^= c


@inlined
def _move(
    v: int, other: int, need: Floats, time: int, sent: Sent, count: int, least: float
) -> int:
    """Give v what it needs (or take what it has over) from `other`; number of transfers so far."""
    x = need[v]
    need[other] += x
    need[v] = 0.0
    if abs(x) <= least:
        return count
    sent.slot[count] = time
    sent.ptx[count], sent.prx[count] = (other, v) if x > 0 else (v, other)
    sent.energy[count] = abs(x)
    return count + 1


@jit
def _settle(
    contacts: Ints,
    forest: Forest,
    members: Shorts,
    need: Floats,
    time: int,
    sent: Sent,
    count: int,
    least: float,
) -> int:
    """Move what each member of a hub needs along the forest, leaves first."""
    top = 0
    for v in members:
        if forest.degree[v] == 1:
            forest.leaves[top] = v
            top += 1
    while top:
        top -= 1
        v = forest.leaves[top]
        if forest.degree[v] == 0:
            continue
        c = forest.mix[v]
        other = contacts[c, 0] + contacts[c, 1] - v
        count = _move(v, other, need, time, sent, count, least)
        forest.degree[v] = 0
        forest.degree[other] -= 1
        forest.mix[other] ^= c
        if forest.degree[other] == 1:
            forest.leaves[top] = other
            top += 1
    return count


@jit
def transfers(contacts: Ints, slots: int, agents: Agents, found: Found, least: float) -> Sent:
    """The transfers of more than `least` that make the flow's levels, in order of time."""
    n, cycle, hubs = len(agents.supply), found.cycle, found.hubs
    groups = len(cycle.group_end)
    size = found.groups * 0
    for q in range(found.groups):
        g = q % groups
        size += cycle.group_contact[g + 1] - cycle.group_contact[g]
    sent = empty_sent(size)
    forest = Forest(
        np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    )
    level, need = agents.supply.copy(), np.zeros(n)
    count = hub = 0
    for q in range(found.groups):
        g = q % groups
        time = (q // groups) * slots + cycle.group_slot[g]
        grown = False
        for h in range(hub, horizon_of(cycle, q)):
            first, end = hubs.start[h], hubs.start[h + 1]
            for m in range(first, end):
                v = hubs.ev[m]
                need[v] = found.state.flow[m] - level[v]
                level[v] = found.state.flow[m]
            if end - first == 2:
                count = _move(hubs.ev[first], hubs.ev[first + 1], need, time, sent, count, least)
                continue
            if not grown:
                _grow(contacts, cycle.group_contact[g], cycle.group_contact[g + 1], forest)
                grown = True
            count = _settle(contacts, forest, hubs.ev[first:end], need, time, sent, count, least)
        hub = horizon_of(cycle, q)
    return Sent(sent.slot[:count], sent.ptx[:count], sent.prx[:count], sent.energy[:count])


@jit
def shortest_plan(
    contacts: Ints,
    slots: int,
    e0: Floats,
    e_min: Floats,
    e_max: Floats,
    share: Floats,
    after: int,
    until: int,
) -> tuple[int, Sent, Floats]:
    """The first feasible time in (after, until], or NEVER; the transfers; the final levels."""
    agents = Agents(e0 - e_min, e_max - e_min, share * e0.sum() - e_min)
    least = RELATIVE_LEAST * e_max.max()
    for v in range(len(e0)):
        low = min(agents.supply[v], agents.wanted[v])
        if low < 0.0 or max(agents.supply[v], agents.wanted[v]) > agents.room[v]:
            return NEVER, empty_sent(0), e0
    found = shortest_horizon(contacts, slots, agents, after, until)
    sent = transfers(contacts, slots, agents, found, least)
    final = e0.copy()
    for k in range(len(sent.slot)):
        final[sent.ptx[k]] -= sent.energy[k]
        final[sent.prx[k]] += sent.energy[k]
    return found.time, sent, final


@jit
def empty_sent(size: int) -> Sent:
    return Sent(
        np.empty(size, np.int64),
        np.empty(size, np.int64),
        np.empty(size, np.int64),
        np.empty(size),
    )
