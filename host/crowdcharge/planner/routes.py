# SPDX-License-Identifier: MIT
"""PURE: turn flows over hubs back into transfers along contacts."""

from struct import Struct
from typing import Any, NamedTuple

import numpy as np

from crowdcharge.planner.hubs import AGENT, NOBODY, START, Agents, Entries
from crowdcharge.planner.jit import inlined, jit
from crowdcharge.planner.problem import Floats, Ints
from crowdcharge.planner.search import NEVER, Found, shortest_horizon

RELATIVE_LEAST = 1e-10  # smaller transfers are rounding


Sent = np.ndarray[Any, np.dtype[np.void]]
# One transfer; the struct makes Python's tuples of them.
SENT = np.dtype([("slot", "i8"), ("ptx", "i8"), ("prx", "i8"), ("energy", "f8")])
SENT_ROWS = Struct("qqqd")


class Tree(NamedTuple):
    """The tree that spans a hub, by agent.

    `mix` is the exclusive or of the numbers of an agent's tree edges, so a leaf's only edge.
    """

    degree: Ints
    mix: Ints
    leaves: Ints
    need: Floats  # what an agent still has to get from its neighbours


@jit
def _plant(contacts: Ints, hub: Any, entries: Entries, tree: Tree) -> int:
    """Set up the tree of a hub, and return the number of its leaves."""
    for m in range(hub.first, hub.end):
        v = entries[m].ev
        tree.degree[v] = tree.mix[v] = 0
    for m in range(hub.first, hub.end):
        c = entries[m].tie
        if c != NOBODY:
            for v in contacts[c, :2]:
                tree.degree[v] += 1
                tree.mix[v] ^= c
    top = 0
    for m in range(hub.first, hub.end):
        v = entries[m].ev
        if tree.degree[v] == 1:
            tree.leaves[top] = v
            top += 1
    return top


@inlined
def _move(v: int, other: int, x: float, time: int, sent: Sent, count: int, least: float) -> int:
    """Move the energy x from `other` to v (back if x < 0); return the number of transfers."""
    if abs(x) <= least:
        return count
    row = sent[count]
    row.slot, row.energy = time, abs(x)
    row.ptx, row.prx = (other, v) if x > 0 else (v, other)
    return count + 1


@jit
def _settle(
    contacts: Ints, hub: Any, entries: Entries, tree: Tree, sent: Sent, count: int, least: float
) -> int:
    """Move what each member of a hub needs along its tree, leaves first."""
    degree, mix, leaves, need = tree
    top = _plant(contacts, hub, entries, tree)
    while top:
        top -= 1
        v = leaves[top]
        if degree[v] == 0:
            continue
        c = mix[v]
        other = contacts[c, 0] + contacts[c, 1] - v
        count = _move(v, other, need[v], hub.time, sent, count, least)
        need[other] += need[v]
        degree[v] = 0
        degree[other] -= 1
        mix[other] ^= c
        if degree[other] == 1:
            leaves[top] = other
            top += 1
    return count


@jit
def transfers(contacts: Ints, agents: Agents, found: Found, least: float) -> Sent:
    """List the transfers of more than `least` that make the flow's levels, in order of time."""
    n = len(agents)
    hubs, entries = found.graph
    tree = Tree(np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n))
    sent = np.empty(hubs[found.end - 1].end, SENT)
    count = 0
    for h in range(START + 1, found.end):
        hub = hubs[h]
        for m in range(hub.first, hub.end):
            entry = entries[m]
            tree.need[entry.ev] = entry.flow - entries[entry.prev].flow
        if hub.end - hub.first == 2:
            v, w = entries[hub.first].ev, entries[hub.first + 1].ev
            count = _move(v, w, tree.need[v], hub.time, sent, count, least)
        else:
            count = _settle(contacts, hub, entries, tree, sent, count, least)
    return sent[:count]


@jit
def shortest_plan(
    contacts: Ints,
    slots: int,
    e0: Floats,
    e_min: Floats,
    e_max: Floats,
    growth: float,
    share: Floats,
    after: int,
    until: int,
    slack: float,
) -> tuple[int, Sent, Floats]:
    """Return the first feasible time in (after, until] or NEVER, the transfers, the final levels.

    Energies (n,) are in the unit of the problem, times in slots; `growth` multiplies `e_min`. The
    bounds of an agent that starts or shall end outside them by at most `slack` are widened.
    """
    nothing = np.empty(0, SENT)
    agents = np.empty(len(e0), AGENT)
    total = e0.sum()
    for v in range(len(e0)):
        agent = agents[v]
        wanted = share[v] * total
        low, high = e_min[v] * growth, e_max[v]
        if min(e0[v], wanted) < low - slack or max(e0[v], wanted) > high + slack:
            return NEVER, nothing, e0
        low, high = min(low, e0[v], wanted), max(high, e0[v], wanted)
        agent.supply, agent.room, agent.wanted = e0[v] - low, high - low, wanted - low
    found = shortest_horizon(contacts, slots, agents, after, until, e_max.max())
    if found.end == START + 1:
        return found.time, nothing, e0.copy()
    sent = transfers(contacts, agents, found, RELATIVE_LEAST * e_max.max())
    final = e0.copy()
    for k in range(len(sent)):
        final[sent[k].ptx] -= sent[k].energy
        final[sent[k].prx] += sent[k].energy
    return found.time, sent, final
