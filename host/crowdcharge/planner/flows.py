# SPDX-License-Identifier: MIT
"""Maximum flow over hubs (shortest augmenting paths), kept while the horizon grows.

All levels are counted above `e_min`: an agent brings `supply` to its first hub, carries at most
`room`, and leaves its last hub of the horizon with at most `wanted`. A horizon is feasible when
all supply arrives (eq. 6 is a plain flow problem, against section III-A of the paper).
"""

import numpy as np

from crowdcharge.planner.hubs import FAR, SINK, START, Agents, Entries, Hubs
from crowdcharge.planner.jit import inlined, jit
from crowdcharge.planner.problem import Shorts


@inlined
def share(agents: Agents, hubs: Hubs, entries: Entries, h: int) -> None:
    """In hub `h` who has something over hands it to who lacks some."""
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
    """Where an arc leads, and what it can still take."""
    entry = entries[code >> 1]
    if code & 1:
        return entry.prev_hub, entries[entry.prev].flow
    return entry.next_hub, entry.most - entry.flow


@jit
def _layer(
    agents: Agents, hubs: Hubs, entries: Entries, count: int, queue: Shorts, eps: float
) -> int:
    """Set the level of every hub, breadth first backwards from the targets; the greatest one."""
    for h in range(START + 1, count):
        hubs[h].level = FAR
    tail = 0
    for v in range(len(agents)):
        m = agents[v].last
        if entries[m].most - entries[m].flow > eps:
            h = entries[m].hub
            if hubs[h].level == FAR:
                hubs[h].level = 1
                queue[tail] = h
                tail += 1
    head = level = 0
    while head < tail:
        hub = hubs[queue[head]]
        head += 1
        level = hub.level
        hub.arc = 2 * hub.first
        for m in range(hub.first, hub.end):
            entry = entries[m]
            u = entry.prev_hub
            before = entries[entry.prev]
            if hubs[u].level == FAR and before.most - before.flow > eps:
                hubs[u].level = level + 1
                queue[tail] = u
                tail += 1
            u = entry.next_hub
            if hubs[u].level == FAR and entry.flow > eps:
                hubs[u].level = level + 1
                queue[tail] = u
                tail += 1
    return level


@inlined
def _lift(hubs: Hubs, entries: Entries, h: int, eps: float) -> None:
    """No arc of hub h leads one level down: raise it above its lowest neighbour."""
    hub = hubs[h]
    low = FAR
    for code in range(2 * hub.first, 2 * hub.end):
        head, room = _arc(entries, code)
        if room > eps:
            low = min(low, hubs[head].level)
    hub.level = low + 1
    hub.arc = 2 * hub.first


@inlined
def _push(entries: Entries, path: Shorts, depth: int, amount: float) -> float:
    """Send as much of `amount` along the path as it takes."""
    for code in path[:depth]:
        amount = min(amount, _arc(entries, code)[1])
    for code in path[:depth]:
        if code & 1:
            entries[entries[code >> 1].prev].flow -= amount
        else:
            entries[code >> 1].flow += amount
    return amount


@inlined
def _deliver(
    hubs: Hubs, entries: Entries, source: int, left: float, top: int, path: Shorts, eps: float
) -> float:
    """Send what is over in hub `source` to targets, on paths of at most `top` arcs; the rest."""
    here, depth = source, 0
    while left > eps and hubs[source].level <= top:
        hub = hubs[here]
        if hub.arc == 2 * hub.end:
            _lift(hubs, entries, here, eps)
            if depth > 0:
                depth -= 1
                here = entries[path[depth] >> 1].hub
            continue
        head, room = _arc(entries, hub.arc)
        if room <= eps or hubs[head].level != hub.level - 1:
            hub.arc += 1
            continue
        path[depth] = hub.arc
        depth += 1
        here = head
        if head == SINK:
            left -= _push(entries, path, depth, left)
            here, depth = source, 0
    return left


@jit
def saturate(agents: Agents, hubs: Hubs, entries: Entries, count: int, eps: float) -> bool:
    """Complete the flow over the first `count` hubs to a maximum one; True if nothing is over.

    False as soon as something is cut off from all targets (`level` is FAR where it is).
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
