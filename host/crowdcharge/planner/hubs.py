# SPDX-License-Identifier: MIT
"""The time-space graph with every meeting contracted to one node, a hub.

Without losses, agents that meet in one slot can share out their energy in any way along their
contacts, so a connected component of a slot's contacts is one node. Between two hubs an agent
carries its level, within its bounds. What is left is a plain flow network without idle steps:
an entry is "agent `ev` is in hub `hub`"; the arc of an entry is the agent's way from this hub
to its next one (or to its target). Entries are sorted by hub and hubs by time, so a shorter
horizon is a prefix of every array.
"""

from typing import NamedTuple

import numpy as np

from crowdcharge.planner.jit import jit
from crowdcharge.planner.problem import Floats, Ints, Shorts


class Cycle(NamedTuple):
    """The hubs of one cycle. Groups are the slots that have contacts."""

    start: Ints  # hub -> first entry; one more at the end
    ev: Ints  # entry -> agent
    group_slot: Ints  # group -> slot 1..cycle
    group_end: Ints  # group -> hubs up to and with this group
    group_contact: Ints  # group -> first contact; one more at the end


class Hubs(NamedTuple):
    """The hubs of several cycles, linked along every agent's way."""

    start: Shorts
    ev: Shorts
    hub: Shorts  # entry -> hub
    prev: Shorts  # entry -> the agent's entry before, or -1
    prev_hub: Shorts  # entry -> the hub of that, or -1
    next_hub: Shorts  # entry -> the agent's next hub, or the number of hubs


@jit
def find(parent: Ints, v: int) -> int:
    """Root of v, with path halving."""
    while parent[v] != v:
        parent[v] = parent[parent[v]]
        v = parent[v]
    return v


@jit
def _group_hubs(
    contacts: Ints, first: int, last: int, parent: Ints, hub_of: Ints, seen: Ints
) -> tuple[int, int]:
    """Number of agents (listed in `seen`) and of hubs (`hub_of` by agent) of one slot."""
    count = 0
    for c in range(first, last):
        for side in range(2):
            v = contacts[c, side]
            if parent[v] < 0:
                parent[v] = v
                hub_of[v] = -1
                seen[count] = v
                count += 1
        parent[find(parent, contacts[c, 0])] = find(parent, contacts[c, 1])
    hubs = 0
    for k in range(count):
        root = find(parent, seen[k])
        if hub_of[root] < 0:
            hub_of[root] = hubs
            hubs += 1
        hub_of[seen[k]] = hub_of[root]
    return count, hubs


@jit
def build_cycle(contacts: Ints, n: int) -> Cycle:
    """Contract the contacts (sorted by slot) of one cycle."""
    m = len(contacts)
    start = np.zeros(m + 2, np.int64)
    ev = np.empty(2 * m, np.int64)
    group_slot = np.empty(m, np.int64)
    group_end = np.empty(m, np.int64)
    group_contact = np.zeros(m + 1, np.int64)
    parent = np.full(n, -1, np.int64)
    hub_of = np.empty(n, np.int64)
    seen = np.empty(n, np.int64)
    groups = hubs = first = 0
    while first < m:
        last = first + 1
        while last < m and contacts[last, 2] == contacts[first, 2]:
            last += 1
        count, more = _group_hubs(contacts, first, last, parent, hub_of, seen)
        entries = start[hubs]
        for k in range(count):  # counting sort of the agents by hub
            start[hubs + 1 + hub_of[seen[k]]] += 1
        for h in range(hubs + 1, hubs + more + 1):
            start[h] += start[h - 1]
        for k in range(count - 1, -1, -1):
            h = hubs + hub_of[seen[k]]
            start[h + 1] -= 1
            ev[start[h + 1]] = seen[k]
            parent[seen[k]] = -1
        for h in range(hubs + 1, hubs + more):
            start[h] = start[h + 1]
        start[hubs + more] = entries + count
        hubs += more
        group_slot[groups] = contacts[first, 2]
        group_end[groups] = hubs
        groups += 1
        group_contact[groups] = first = last
    return Cycle(
        start[: hubs + 1],
        ev[: start[hubs]],
        group_slot[:groups],
        group_end[:groups],
        group_contact[: groups + 1],
    )


@jit
def link(cycle: Cycle, n: int, cycles: int) -> Hubs:
    """Repeat one cycle's hubs and link each agent's entries."""
    entries, hubs = len(cycle.ev), len(cycle.start) - 1
    total, ends = entries * cycles, hubs * cycles
    start = np.empty(ends + 1, np.int32)
    ev, hub = np.empty(total, np.int32), np.empty(total, np.int32)
    prev, prev_hub = np.empty(total, np.int32), np.empty(total, np.int32)
    next_hub = np.full(total, ends, np.int32)
    latest = np.full(n, -1, np.int32)
    start[0] = m = 0
    for h in range(ends):
        base = h % hubs
        for k in range(cycle.start[base], cycle.start[base + 1]):
            v = cycle.ev[k]
            p = latest[v]
            ev[m], hub[m], prev[m], prev_hub[m] = v, h, p, -1
            if p >= 0:
                prev_hub[m] = hub[p]
                next_hub[p] = h
            latest[v] = m
            m += 1
        start[h + 1] = m
    return Hubs(start, ev, hub, prev, prev_hub, next_hub)


@jit
def first_balanced_group(cycle: Cycle, surplus: Floats, tolerance: float) -> int:
    """The first group after which every component of all contacts so far can balance.

    No earlier time can do (energy does not cross components). -1: balanced from the start;
    the number of groups: never.
    """
    n = len(surplus)
    parent = np.arange(n)
    total = surplus.copy()
    unbalanced = 0
    for v in range(n):
        unbalanced += int(abs(total[v]) > tolerance)
    if unbalanced == 0:
        return -1
    h = 0
    for group in range(len(cycle.group_end)):
        while h < cycle.group_end[group]:
            root = find(parent, cycle.ev[cycle.start[h]])
            for k in range(cycle.start[h] + 1, cycle.start[h + 1]):
                other = find(parent, cycle.ev[k])
                if other != root:
                    unbalanced -= int(abs(total[root]) > tolerance)
                    unbalanced -= int(abs(total[other]) > tolerance)
                    total[root] += total[other]
                    parent[other] = root
                    unbalanced += int(abs(total[root]) > tolerance)
            h += 1
        if unbalanced == 0:
            return group
    return len(cycle.group_end)
