# SPDX-License-Identifier: MIT
"""PURE: the time-space graph of one horizon, with a node for each agent and slot with contacts.

Nodes are sorted by agent and then by time, so an agent's next node is the next number. Every
agent has at least one node. Contacts are repeated over the cycles up to the horizon.
"""

from typing import NamedTuple

import numpy as np

from crowdcharge.planner.jit import jit
from crowdcharge.planner.problem import Floats, Ints, Shorts


class Network(NamedTuple):
    first: Shorts  # agent -> its first node; one more at the end
    agent: Shorts  # node -> agent
    slot: Ints  # contact -> absolute slot
    ends: Shorts  # contact -> its two nodes
    limit: Floats  # contact -> the most that can be sent
    start: Shorts  # node -> first place in `touch`; one more at the end
    touch: Shorts  # contacts of each node: 2 * contact, + 1 if the node is the contact's second
    other: Shorts  # the node at the other end of each of these


@jit
def count_contacts(contacts: Ints, slots: int, horizon: int) -> int:
    """Count the contacts of all cycles up to and including slot `horizon`."""
    rest = horizon % slots
    count = (horizon // slots) * len(contacts)
    for c in range(len(contacts)):
        if contacts[c, 2] > rest:
            break
        count += 1
    return count


@jit
def build_network(contacts: Ints, limit: Floats, slots: int, horizon: int, n: int) -> Network:
    """Build the graph of n agents; `contacts` (m, 3) and `limit` (m,) describe one cycle."""
    m = count_contacts(contacts, slots, horizon)
    once = len(contacts)
    slot = np.empty(m, np.int64)
    repeated = np.empty(m)
    first = np.zeros(n + 1, np.int32)
    latest = np.zeros(n, np.int64)
    for c in range(m):
        slot[c] = contacts[c % once, 2] + (c // once) * slots
        repeated[c] = limit[c % once]
        for side in range(2):
            v = contacts[c % once, side]
            if latest[v] != slot[c]:
                latest[v] = slot[c]
                first[v + 1] += 1
    for v in range(n):
        first[v + 1] = first[v] + max(first[v + 1], 1)
    nodes = first[n]
    agent = np.empty(nodes, np.int32)
    for v in range(n):
        agent[first[v] : first[v + 1]] = v
    ends = np.empty((m, 2), np.int32)
    start = np.zeros(nodes + 1, np.int32)
    here = first[:n] - 1
    latest[:] = 0
    for c in range(m):
        for side in range(2):
            v = contacts[c % once, side]
            if latest[v] != slot[c]:
                latest[v] = slot[c]
                here[v] += 1
            ends[c, side] = here[v]
            start[here[v] + 1] += 1
    touch, other = _touches(ends, start)
    return Network(first, agent, slot, ends, repeated, start, touch, other)


@jit
def _touches(ends: Shorts, start: Shorts) -> tuple[Shorts, Shorts]:
    """Fill the lists of contacts by node; `start` comes as counts and leaves as offsets."""
    for v in range(1, len(start)):
        start[v] += start[v - 1]
    place = start[:-1].copy()
    touch, other = np.empty(2 * len(ends), np.int32), np.empty(2 * len(ends), np.int32)
    for c in range(len(ends)):
        for side in range(2):
            v = ends[c, side]
            touch[place[v]] = 2 * c + side
            other[place[v]] = ends[c, 1 - side]
            place[v] += 1
    return touch, other
