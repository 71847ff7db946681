# SPDX-License-Identifier: MIT
"""PURE: the time-space graph with every meeting contracted to one node, a hub.

Without losses, agents that meet in one slot can share out their energy in any way along their
contacts, so a connected component of a slot's contacts is one node. Between two hubs an agent
carries its level, within its bounds. What is left is a plain flow network without idle steps:
an entry says that agent `ev` is in hub `hub`, and the arc of an entry is the agent's way from this
hub to its next one, or to its target. The first entries are the agents' starts. Entries and hubs
are in order of time, so the network of a longer horizon is that of a shorter one with rows added.

An example: in slot 1 agent 1 meets agents 0 and 2, in slot 4 agent 0 meets agent 2. All levels
count from `e_min`: agent 0 brings 8, agent 1 brings 1, and all three want 3.

>>> contacts = np.array([(0, 1, 1), (1, 2, 1), (0, 2, 4)])
>>> agents = np.zeros(3, AGENT)
>>> agents["supply"], agents["room"], agents["wanted"] = (8, 1, 0), 9, 3
>>> hubs, entries = np.zeros(4, HUB), np.zeros(8, ENTRY)
>>> start(agents, hubs, entries, 1e-9)
>>> agents["extra"].tolist()  # agent 0 has 5 more than it wants
[5.0, 0.0, 0.0]

Slot 1 ends before contact 2. Its two contacts join three agents, so they make one hub:

>>> meet(agents, contacts, 0)
2
>>> append(agents, hubs, entries, 0, 2, 1)
>>> sorted(entries["ev"][hubs["first"][2] : hubs["end"][2]].tolist())
[0, 1, 2]

Slot 4 makes a hub of two agents. The arc of agent 1 leads from hub 2 to its target, those of the
others to hub 3:

>>> meet(agents, contacts, 2)
3
>>> append(agents, hubs, entries, 0, 3, 4)
>>> arcs = entries[hubs["first"][2] : hubs["end"][2]]
>>> sorted(zip(arcs["ev"].tolist(), arcs["next_hub"].tolist()))
[(0, 3), (1, 0), (2, 3)]
"""

from typing import Any

import numpy as np

from crowdcharge.planner.jit import inlined, jit
from crowdcharge.planner.problem import Ints

SINK, START = 0, 1  # the hubs of all targets, and of all starts; no slot has them
NOBODY = -1
FAR = 1 << 30  # the level of a hub that reaches no unfilled target

Agents = np.ndarray[Any, np.dtype[np.void]]
AGENT = np.dtype(
    [
        ("supply", "f8"),  # e0 - e_min
        ("room", "f8"),  # e_max - e_min
        ("wanted", "f8"),  # final level - e_min
        ("extra", "f8"),  # what it has at its last hub and does not want itself
        ("last", "i4"),  # its last entry so far
        ("part", "i4"),  # on the way to the root of those it meets in this slot, or -1
        ("ring", "i4"),  # the next of those, in a circle
        ("tie", "i4"),  # the contact that joined its part to another, or -1
    ],
    align=True,
)

Entries = np.ndarray[Any, np.dtype[np.void]]
ENTRY = np.dtype(
    [
        ("flow", "f8"),  # what the agent carries away from here
        ("most", "f8"),  # at most
        ("ev", "i4"),
        ("hub", "i4"),
        ("prev", "i4"),  # the agent's entry before
        ("prev_hub", "i4"),  # the hub of that
        ("next_hub", "i4"),
        ("tie", "i4"),  # a contact; those of a hub are a tree that spans it; one has -1
    ],
    align=True,
)

Hubs = np.ndarray[Any, np.dtype[np.void]]
HUB = np.dtype(
    [
        ("first", "i4"),  # entry
        ("end", "i4"),
        ("time", "i4"),  # slot, counted on over the cycles
        ("level", "i4"),  # steps to the nearest unfilled target
        ("arc", "i4"),  # the way down: 2 * entry, + 1 for back against its flow
    ]
)


@jit
def start(agents: Agents, hubs: Hubs, entries: Entries, least: float) -> None:
    """Put every agent at its start with what it brings.

    An excess of less than `least` over the target counts as rounding.
    """
    n = len(agents)
    hubs[SINK].level, hubs[START].level = 0, FAR + 1  # no way leads through a start
    hubs[START].first, hubs[START].end = 0, n
    for v in range(n):
        agent, entry = agents[v], entries[v]
        over = agent.supply - agent.wanted
        agent.extra = over if over > least else 0.0
        agent.last, agent.part = v, NOBODY
        entry.ev, entry.hub, entry.next_hub = v, START, SINK
        entry.flow, entry.most = min(agent.supply, agent.wanted), agent.wanted


@jit
def _root(agents: Agents, v: int) -> int:
    """Find the root of an agent's part, with path halving (union-find)."""
    while agents[v].part != v:
        agents[v].part = agents[agents[v].part].part
        v = agents[v].part
    return v


@jit
def meet(agents: Agents, contacts: Ints, first: int) -> int:
    """Make a ring of the agents of each component in the slot of contact `first`.

    Returns the first contact after the slot.
    """
    c = first
    while c < len(contacts) and contacts[c, 2] == contacts[first, 2]:
        a, b = contacts[c, 0], contacts[c, 1]
        for v in (a, b):
            if agents[v].part == NOBODY:
                agents[v].part = agents[v].ring = v
                agents[v].tie = NOBODY
        one, other = _root(agents, a), _root(agents, b)
        if one != other:
            agents[one].part, agents[one].tie = other, c
            agents[a].ring, agents[b].ring = agents[b].ring, agents[a].ring
        c += 1
    return c


@inlined
def append(agents: Agents, hubs: Hubs, entries: Entries, v: int, h: int, time: int) -> None:
    """Make hub `h` of the ring of agent v, and dissolve the ring.

    Every agent brings all that it has and keeps what it wants.
    """
    hub = hubs[h]
    m = hub.first = hubs[h - 1].end
    hub.time = time
    while agents[v].part != NOBODY:
        agent, entry = agents[v], entries[m]
        before = entries[agent.last]
        entry.ev, entry.hub, entry.next_hub, entry.tie = v, h, SINK, agent.tie
        entry.prev, entry.prev_hub = agent.last, before.hub
        entry.flow, entry.most = before.flow, before.most
        before.next_hub = h
        before.flow += agent.extra
        before.most = agent.room
        agent.last, agent.part = m, NOBODY
        v = agent.ring
        m += 1
    hub.end = m
