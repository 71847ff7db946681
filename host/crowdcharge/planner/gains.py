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

from crowdcharge.planner.jit import inlined, jit
from crowdcharge.planner.network import Network
from crowdcharge.planner.problem import Floats, Shorts

ONWARD, BACK = -2, -1
LABEL_MAX = 400


class Flow(NamedTuple):
    carry: Floats  # by node
    sent: Floats  # by contact
    excess: Floats  # by node
    label: Shorts  # by node
    room: Floats  # by agent: e_max - e_min
    wanted: Floats  # by agent: final level - e_min
    price: Floats  # gain ** label
    step: int  # 1, or 0 without losses


class Search(NamedTuple):
    layer: Shorts  # node -> arcs to an unfilled target, -1: none
    pointer: Shorts  # node -> the next arc to try
    queue: Shorts
    path: Shorts  # nodes of the current path
    arc: Shorts  # and the arc taken from each
    value: Floats  # what each of them can take, in value


@jit
def new_search(nodes: int) -> Search:
    return Search(
        np.empty(nodes, np.int32),
        np.empty(nodes, np.int32),
        np.empty(nodes, np.int32),
        np.empty(nodes, np.int32),
        np.empty(nodes, np.int32),
        np.empty(nodes),
    )


@inlined
def _over(net: Network, flow: Flow, touch: int, eps: float) -> tuple[float, int]:
    """(what the node can still send over this contact, its length in labels).

    To send back what came in is a step up: it regains what was lost.
    """
    x = flow.sent[touch >> 1]
    if touch & 1:
        x = -x
    if flow.step == 0:
        return net.limit[touch >> 1] - x, 0
    if x >= -eps:
        return net.limit[touch >> 1] - x, 1
    return -x * flow.price[1], -1


@inlined
def _enter(flow: Flow, search: Search, u: int, wanted: int, layer: int, tail: int) -> int:
    """Put node u, that can send on, into the layers if its label is the one wanted."""
    if flow.label[u] == wanted:
        search.layer[u] = layer
        search.queue[tail] = u
        tail += 1
    return tail


@jit
def _layers(net: Network, flow: Flow, search: Search, eps: float) -> int:
    """Breadth first backwards from the unfilled targets; number of nodes that reach one."""
    layer, label, carry = search.layer, flow.label, flow.carry
    layer[:] = -1
    tail = head = 0
    for i in range(len(flow.room)):
        v = net.first[i + 1] - 1
        if flow.wanted[i] - carry[v] > eps:
            tail = _enter(flow, search, v, 0, 0, tail)
    while head < tail:
        v = search.queue[head]
        head += 1
        i = net.agent[v]
        here, deeper = label[v], layer[v] + 1
        if v > net.first[i] and layer[v - 1] < 0 and flow.room[i] - carry[v - 1] > eps:
            tail = _enter(flow, search, v - 1, here, deeper, tail)
        if v + 1 < net.first[i + 1] and layer[v + 1] < 0 and carry[v] > eps:
            tail = _enter(flow, search, v + 1, here, deeper, tail)
        for p in range(net.start[v], net.start[v + 1]):
            u = net.other[p]
            if layer[u] < 0 and abs(label[u] - here) <= flow.step:
                room, length = _over(net, flow, net.touch[p] ^ 1, eps)
                if room > eps:
                    tail = _enter(flow, search, u, here + length, deeper, tail)
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
            u = net.other[p]
            if search.layer[u] < 0:
                room, length = _over(net, flow, net.touch[p] ^ 1, eps)
                if room > eps:
                    slack = min(slack, flow.label[v] + length - flow.label[u])
    if slack == LABEL_MAX:
        return False
    for v in range(len(flow.label)):
        if search.layer[v] < 0:
            flow.label[v] = min(flow.label[v] + slack, LABEL_MAX)
    return True


@inlined
def _arc(net: Network, flow: Flow, v: int, p: int, eps: float) -> tuple[float, int, int]:
    """(what arc `p` of node v can take, its length, its head or -1 for the target)."""
    i, k = net.agent[v], p - net.start[v]
    if k == ONWARD:
        if v + 1 == net.first[i + 1]:
            return flow.wanted[i] - flow.carry[v], 0, -1
        return flow.room[i] - flow.carry[v], 0, v + 1
    if k == BACK:
        if v == net.first[i]:
            return 0.0, 0, v
        return flow.carry[v - 1], 0, v - 1
    room, length = _over(net, flow, net.touch[p], eps)
    return room, length, net.other[p]


@inlined
def _send(net: Network, flow: Flow, v: int, p: int, value: float, eps: float) -> None:
    """Put `value` more on arc `p` of node v."""
    k = p - net.start[v]
    amount = value / flow.price[flow.label[v]]
    if k == ONWARD:
        flow.carry[v] += amount
    elif k == BACK:
        flow.carry[v - 1] -= amount
    else:
        c, sign = net.touch[p] >> 1, 1.0 - 2.0 * (net.touch[p] & 1)
        if flow.sent[c] * sign < -eps and flow.step == 1:  # back: counted where it came from
            amount = value / flow.price[flow.label[net.other[p]]]
        flow.sent[c] += sign * amount


@inlined
def _push(net: Network, flow: Flow, search: Search, depth: int, value: float, eps: float) -> int:
    """Send `value` along the path; the place of its first arc that is then full."""
    full = 0
    for k in range(depth - 1, -1, -1):
        v = search.path[k]
        _send(net, flow, v, search.arc[k], value, eps)
        search.value[k] -= value
        if search.value[k] <= eps * flow.price[flow.label[v]]:
            full = k
    return full


@jit
def _drain(net: Network, flow: Flow, search: Search, source: int, eps: float) -> None:
    """Depth first from one node until its excess is gone or its layers are used up."""
    layer, pointer, label, price = search.layer, search.pointer, flow.label, flow.price
    depth, v = 0, source
    unit = price[label[source]]
    left = flow.excess[source] * unit
    while left > eps * unit:
        p = pointer[v]
        if p == net.start[v + 1]:
            if depth == 0:
                break
            depth -= 1
            v = search.path[depth]
            pointer[v] += 1
            continue
        room, length, head = _arc(net, flow, v, p, eps)
        down = head < 0 or (layer[head] == layer[v] - 1 and label[head] + length == label[v])
        if room <= eps or not down:
            pointer[v] = p + 1
            continue
        search.path[depth], search.arc[depth] = v, p
        search.value[depth] = room * price[label[v]]
        depth += 1
        if head >= 0:
            v = head
            continue
        value = min(left, search.value[:depth].min())
        left -= value
        depth = _push(net, flow, search, depth, value, eps)
        v = search.path[depth]
    flow.excess[source] = left / unit


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
