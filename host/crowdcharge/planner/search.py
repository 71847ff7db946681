# SPDX-License-Identifier: MIT
"""PURE: find the shortest feasible horizon.

The flow is kept while the horizon grows. After a failure the next horizon to try is the first
meeting at which stuck energy can get out.
"""

from typing import NamedTuple

import numpy as np

from crowdcharge.planner.flows import hand_over, saturate
from crowdcharge.planner.hubs import (
    ENTRY,
    FAR,
    HUB,
    NOBODY,
    START,
    Agents,
    Entries,
    Hubs,
    append,
    meet,
    start,
)
from crowdcharge.planner.jit import jit
from crowdcharge.planner.problem import TOLERANCE, Ints

RELATIVE_EPS = 1e-12
NEVER = -1


class Graph(NamedTuple):
    hubs: Hubs
    entries: Entries


class Found(NamedTuple):
    """`time` (NEVER if there is none) with its flow over the hubs before `end`."""

    time: int
    end: int
    graph: Graph


@jit
def _opens(hubs: Hubs, entries: Entries, h: int) -> bool:
    """Tell whether stuck energy can get out in hub h; if not, h is on its agents' side of the cut.

    Until an agent that was last in a hub of level FAR meets another one, no horizon is feasible.
    """
    hub = hubs[h]
    hub.level = hubs[entries[hub.first].prev_hub].level
    for m in range(hub.first, hub.end):
        u = entries[m].prev_hub
        if u == START or (hubs[u].level == FAR) != (hub.level == FAR):
            return True
    return False


@jit
def _prolong(
    agents: Agents, graph: Graph, count: int, ring: Ints, time: int, opened: bool
) -> tuple[int, bool]:
    """Add the hubs of a slot, found by their `ring` agents.

    Returns the number of hubs, and whether any of them let stuck energy out.
    """
    for v in ring:
        if agents[v].part != NOBODY:
            append(agents, graph.hubs, graph.entries, v, count, time)
            hand_over(agents, graph.hubs, graph.entries, count)
            opened = opened or _opens(graph.hubs, graph.entries, count)
            count += 1
    return count, opened


@jit
def _first_alone(agents: Agents, v: int, least: float) -> int:
    """Find the first agent from v on that must meet somebody and has not, or `len(agents)`."""
    while v < len(agents):
        agent = agents[v]
        if agent.last == v and abs(agent.supply - agent.wanted) > least:
            break
        v += 1
    return v


@jit
def shortest_horizon(
    contacts: Ints, slots: int, agents: Agents, after: int, until: int, scale: float
) -> Found:
    """Find the first time in (after, until] at which the target can hold; 0 if it does already.

    What is small is measured by `scale`, the greatest level.
    """
    m, n = len(contacts), len(agents)
    graph = Graph(np.empty(n + 2 * m + 1, HUB), np.empty(n + 2 * m + 1, ENTRY))
    eps, least = RELATIVE_EPS * scale, TOLERANCE * scale
    start(agents, graph.hubs, graph.entries, least)
    alone = _first_alone(agents, 0, least)
    if alone == n and after < 0:
        return Found(0, START + 1, graph)
    count, c, cycles, tried, opened = START + 1, 0, 0, 0, True
    while m > 0:
        time = cycles * slots + contacts[c, 2]
        if time > until or (not opened and time > tried + slots):
            break
        first, c = c, meet(agents, contacts, c)
        count, opened = _prolong(agents, graph, count, contacts[first:c, 0], time, opened)
        alone = _first_alone(agents, alone, least)
        if opened and alone == n and time > after:
            if saturate(agents, graph.hubs, graph.entries, count, eps):
                return Found(time, count, graph)
            tried, opened = time, False
        if c == m:
            if alone < n:
                break
            c, cycles = 0, cycles + 1
            if len(graph.entries) < graph.hubs[count - 1].end + 2 * m:
                graph = Graph(_doubled(graph.hubs), _doubled(graph.entries))
    return Found(NEVER, START + 1, graph)


@jit
def _doubled(table: Hubs) -> Hubs:
    longer = np.empty(2 * len(table), table.dtype)
    longer[: len(table)] = table
    return longer
