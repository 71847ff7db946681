# SPDX-License-Identifier: MIT
"""PURE: maximum flow over hubs by shortest augmenting paths, kept while the horizon grows.

All levels are counted above `e_min`: an agent brings `supply` to its first hub, carries at most
`room`, and leaves its last hub of the horizon with at most `wanted`. A horizon is feasible when
all supply arrives. Section III-A of the paper holds that no combinatorial method can decide this,
but its eq. 6 is a plain flow problem.
"""

import numpy as np

from crowdcharge.planner.hubs import FAR, SINK, START, Agents, Entries, Hubs
from crowdcharge.planner.jit import inlined, jit
from crowdcharge.planner.problem import Shorts


@inlined
def hand_over(agents: Agents, hubs: Hubs, entries: Entries, h: int) -> None:
    """Move energy in hub `h` from agents with an excess to agents that lack some."""
    first, end = hubs[h].first, hubs[h].end
    over = lack = 0.0
    for m in range(first, end):
        over += agents[entries[m].ev].extra
        lack += entries[m].most - entries[m].flow
    given = taken = min(over, lack)
    for m in range(first, end):
        giver, into = agents[entries[m].ev], entries[m]
        gives, takes = min(given, giver.extra), min(taken, into.most - into.flow)
        giver.extra -= gives
        given -= gives
        into.flow += takes
        taken -= takes


@inlined
def _arc(entries: Entries, code: int) -> tuple[int, float]:
    """Return where an arc leads and what it can still take."""
    entry = entries[code >> 1]
    if code & 1:
        return entry.hub, entry.flow
    return entry.next_hub, entry.most - entry.flow


@jit
def _layer(
    agents: Agents, hubs: Hubs, entries: Entries, count: int, queue: Shorts, eps: float
) -> int:
    """Set level and arc of every hub, breadth first backwards from the targets.

    Returns the highest level.
    """
    for h in range(START + 1, count):
        hubs[h].level = FAR
    tail = 0
    for v in range(len(agents)):
        m = agents[v].last
        if entries[m].most - entries[m].flow > eps:
            hub = hubs[entries[m].hub]
            if hub.level == FAR:
                hub.level, hub.arc = 1, 2 * m
                queue[tail] = entries[m].hub
                tail += 1
    head = level = 0
    while head < tail:
        hub = hubs[queue[head]]
        head += 1
        level = hub.level
        for m in range(hub.first, hub.end):
            entry = entries[m]
            before, u = entries[entry.prev], hubs[entry.prev_hub]
            if u.level == FAR and before.most - before.flow > eps:
                u.level, u.arc = level + 1, 2 * entry.prev
                queue[tail] = entry.prev_hub
                tail += 1
            u = hubs[entry.next_hub]
            if u.level == FAR and entry.flow > eps:
                u.level, u.arc = level + 1, 2 * m + 1
                queue[tail] = entry.next_hub
                tail += 1
    return level


@inlined
def _aim(hubs: Hubs, entries: Entries, h: int, eps: float) -> bool:
    """Find the arc of hub h to its lowest neighbour; True if that raises the level of h."""
    hub = hubs[h]
    low = FAR
    for m in range(hub.first, hub.end):
        entry = entries[m]
        level = hubs[entry.next_hub].level
        if level < low and entry.most - entry.flow > eps:
            low, hub.arc = level, 2 * m
        level = hubs[entry.prev_hub].level
        if level < low and entries[entry.prev].flow > eps:
            low, hub.arc = level, 2 * entry.prev + 1
    rises = bool(low >= hub.level)
    hub.level = low + 1
    return rises


@inlined
def _push(entries: Entries, path: Shorts, depth: int, amount: float) -> float:
    """Send as much of `amount` along the path as it takes, and return that."""
    for code in path[:depth]:
        amount = min(amount, _arc(entries, code)[1])
    for code in path[:depth]:
        entries[code >> 1].flow += -amount if code & 1 else amount
    return amount


@inlined
def _deliver(
    hubs: Hubs, entries: Entries, source: int, left: float, top: int, path: Shorts, eps: float
) -> float:
    """Send the excess of hub `source` to targets, on paths of at most `top` arcs.

    Returns what is left of it.
    """
    here, depth = source, 0
    while left > eps and hubs[source].level <= top:
        hub = hubs[here]
        head, room = _arc(entries, hub.arc)
        if room > eps and hubs[head].level < hub.level:
            path[depth] = hub.arc
            depth += 1
            here = head
            if head == SINK:
                left -= _push(entries, path, depth, left)
                here, depth = source, 0
        elif _aim(hubs, entries, here, eps) and depth > 0:
            depth -= 1
            back = entries[path[depth] >> 1]
            here = back.next_hub if path[depth] & 1 else back.hub
    return left


@jit
def saturate(agents: Agents, hubs: Hubs, entries: Entries, count: int, eps: float) -> bool:
    """Complete the flow over the first `count` hubs to a maximum one; True if all supply arrives.

    False as soon as some energy is cut off from all targets; its hubs then have the level FAR.
    """
    enough = eps * len(agents)
    queue, path = np.empty(count, np.int32), np.empty(count, np.int32)
    while True:
        left = 0.0
        for v in range(len(agents)):
            if agents[v].extra > eps:
                left += agents[v].extra
        if left <= enough:
            return True
        top = _layer(agents, hubs, entries, count, queue, eps)
        stuck = 0.0
        for v in range(len(agents)):
            agent = agents[v]
            if agent.extra > eps and hubs[entries[agent.last].hub].level == FAR:
                stuck += agent.extra
        if stuck > enough:
            return False
        for v in range(len(agents)):
            agent = agents[v]
            if agent.extra > eps:
                agent.extra = _deliver(
                    hubs, entries, entries[agent.last].hub, agent.extra, top, path, eps
                )
