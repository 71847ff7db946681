# SPDX-License-Identifier: MIT
"""Maximum flow with losses, by highest-gain paths (after Truemper's generalised-flow method).

Every transfer keeps the same share `gain`, so a path's gain is a power of it and the best gain
from a node to an unfilled target is a whole number of steps: its `label`. Flow moves along
arcs that keep labels (they lose nothing in value); when no such path is left, the labels of the
nodes that are cut off rise. The price gain**label certifies the optimum.

Levels are counted above `e_min`. `carry` is what an agent takes from a node to its next one, or
to its target from its last. `sent` is signed: > 0 from the contact's first node to its second.
"""

from typing import NamedTuple

import numpy as np

from crowdcharge.planner.jit import jit
from crowdcharge.planner.network import Network
from crowdcharge.planner.problem import Floats, Ints

ONWARD, BACK = -2, -1
LABEL_MAX = 400


class Flow(NamedTuple):
    carry: Floats  # by node
    sent: Floats  # by contact
    excess: Floats  # by node
    label: Ints  # by node
    room: Floats  # by agent: e_max - e_min
    wanted: Floats  # by agent: final level - e_min
    price: Floats  # gain ** label
    step: int  # 1, or 0 without losses


class Search(NamedTuple):
    layer: Ints  # node -> arcs to an unfilled target, -1: none
    pointer: Ints
    queue: Ints
    path: Ints  # nodes of the current path
    arc: Ints  # and the arc taken from each


@jit
def new_search(nodes: int) -> Search:
    return Search(
        np.empty(nodes, np.int64),
        np.empty(nodes, np.int64),
        np.empty(nodes, np.int64),
        np.empty(nodes, np.int64),
        np.empty(nodes, np.int64),
    )


@jit
def is_last(net: Network, v: int) -> bool:
    return bool(v + 1 == net.first[net.agent[v] + 1])


@jit
def _over_contact(net: Network, flow: Flow, touch: int, eps: float) -> tuple[float, int, int]:
    """(what the node can still send over this contact, its length in labels, the other node).

    To send back what came in is a step up: it regains what was lost.
    """
    c, side = touch >> 1, touch & 1
    other = net.ends[c, 1 - side]
    x = -flow.sent[c] if side else flow.sent[c]
    if flow.step == 0:
        return net.limit[c] - x, 0, other
    if x >= -eps:
        return net.limit[c] - x, 1, other
    return -x * flow.price[1], -1, other


@jit
def _arc(net: Network, flow: Flow, v: int, p: int, eps: float) -> tuple[float, int, int]:
    """(what arc `p` of node v can take, its length, its head or -1 for the target)."""
    k = p - net.start[v]
    if k == ONWARD:
        i = net.agent[v]
        if is_last(net, v):
            return flow.wanted[i] - flow.carry[v], 0, -1
        return flow.room[i] - flow.carry[v], 0, v + 1
    if k == BACK:
        if v == net.first[net.agent[v]]:
            return 0.0, 0, v
        return flow.carry[v - 1], 0, v - 1
    return _over_contact(net, flow, net.touch[p], eps)


@jit
def _enter(flow: Flow, search: Search, u: int, v: int, length: int, tail: int) -> int:
    """Put node u, that can send to v, into the layers if the labels allow it."""
    if search.layer[u] < 0 and flow.label[u] == flow.label[v] + length:
        search.layer[u] = search.layer[v] + 1
        search.queue[tail] = u
        return tail + 1
    return tail


@jit
def _into(net: Network, flow: Flow, touch: int, eps: float) -> tuple[float, int, int]:
    """As `_over_contact`, seen from the receiving node: what the other can send to it."""
    other = net.ends[touch >> 1, 1 - (touch & 1)]
    room, length, _ = _over_contact(net, flow, touch ^ 1, eps)
    return room, length, other


@jit
def _layers(net: Network, flow: Flow, search: Search, eps: float) -> int:
    """Breadth first backwards from the unfilled targets; number of nodes that reach one."""
    search.layer[:] = -1
    tail = head = 0
    for i in range(len(flow.room)):
        v = net.first[i + 1] - 1
        if flow.label[v] == 0 and flow.wanted[i] - flow.carry[v] > eps:
            search.layer[v] = 0
            search.queue[tail] = v
            tail += 1
    while head < tail:
        v = search.queue[head]
        head += 1
        i = net.agent[v]
        if v > net.first[i] and flow.room[i] - flow.carry[v - 1] > eps:
            tail = _enter(flow, search, v - 1, v, 0, tail)
        if v + 1 < net.first[i + 1] and flow.carry[v] > eps:
            tail = _enter(flow, search, v + 1, v, 0, tail)
        for p in range(net.start[v], net.start[v + 1]):
            room, length, u = _into(net, flow, net.touch[p], eps)
            if room > eps:
                tail = _enter(flow, search, u, v, length, tail)
    return tail


@jit
def _relabel(net: Network, flow: Flow, search: Search, reached: int, eps: float) -> bool:
    """Raise the labels of the nodes that reach no target until one more can; False: never."""
    slack = LABEL_MAX
    for k in range(reached):
        v = search.queue[k]
        i = net.agent[v]
        if v > net.first[i] and search.layer[v - 1] < 0 and flow.room[i] - flow.carry[v - 1] > eps:
            slack = min(slack, flow.label[v] - flow.label[v - 1])
        if v + 1 < net.first[i + 1] and search.layer[v + 1] < 0 and flow.carry[v] > eps:
            slack = min(slack, flow.label[v] - flow.label[v + 1])
        for p in range(net.start[v], net.start[v + 1]):
            room, length, u = _into(net, flow, net.touch[p], eps)
            if room > eps and search.layer[u] < 0:
                slack = min(slack, flow.label[v] + length - flow.label[u])
    if slack == LABEL_MAX:
        return False
    for v in range(len(flow.label)):
        if search.layer[v] < 0:
            flow.label[v] = min(flow.label[v] + slack, LABEL_MAX)
    return True


@jit
def _push(net: Network, flow: Flow, search: Search, source: int, depth: int, value: float) -> None:
    flow.excess[source] -= value / flow.price[flow.label[source]]
    for k in range(depth):
        v, p = search.path[k], search.arc[k]
        here = p - net.start[v]
        amount = value / flow.price[flow.label[v]]
        if here == ONWARD:
            flow.carry[v] += amount
        elif here == BACK:
            flow.carry[v - 1] -= amount
        else:
            c, sign = net.touch[p] >> 1, 1 - 2 * (net.touch[p] & 1)
            if flow.sent[c] * sign < 0 and flow.step:  # undone: counted where it was sent
                other = net.ends[c, 1 - (net.touch[p] & 1)]
                amount = value / flow.price[flow.label[other]]
            flow.sent[c] += sign * amount


@jit
def _drain(net: Network, flow: Flow, search: Search, source: int, eps: float) -> None:
    """Depth first from one node until its excess is gone or its layers are used up."""
    depth, v = 0, source
    while flow.excess[source] > eps:
        if search.pointer[v] == net.start[v + 1]:
            if depth == 0:
                return
            depth -= 1
            v = search.path[depth]
            search.pointer[v] += 1
            continue
        p = search.pointer[v]
        room, length, head = _arc(net, flow, v, p, eps)
        down = head < 0 or (
            search.layer[head] == search.layer[v] - 1
            and flow.label[head] + length == flow.label[v]
        )
        if room <= eps or not down:
            search.pointer[v] += 1
            continue
        search.path[depth], search.arc[depth] = v, p
        depth += 1
        if head >= 0:
            v = head
            continue
        value = flow.excess[source] * flow.price[flow.label[source]]
        for k in range(depth):
            u = search.path[k]
            room = _arc(net, flow, u, search.arc[k], eps)[0]
            value = min(value, room * flow.price[flow.label[u]])
        _push(net, flow, search, source, depth, value)
        depth, v = 0, source


@jit
def saturate(net: Network, flow: Flow, search: Search, eps: float) -> None:
    """Complete the flow to a maximum one; `search.layer` >= 0: still reaches a target."""
    nodes = len(flow.label)
    while True:
        reached = _layers(net, flow, search, eps)
        left = False
        for v in range(nodes):
            left = left or flow.excess[v] > eps
        if not left or reached == 0:
            return
        some = False
        for k in range(reached):
            v = search.queue[k]
            search.pointer[v] = net.start[v] + ONWARD
            some = some or flow.excess[v] > eps
        if not some:
            if not _relabel(net, flow, search, reached, eps):
                return
            continue
        for k in range(reached):
            if flow.excess[search.queue[k]] > eps:
                _drain(net, flow, search, search.queue[k], eps)
