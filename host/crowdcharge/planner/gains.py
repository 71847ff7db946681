# SPDX-License-Identifier: MIT
"""PURE: maximum flow with losses, by highest-gain paths (after Truemper 1977).

Every transfer keeps the same share `gain`, so the gain of a path is a power of it. The exponent of
the best path from a node to an unfilled target is the node's `label`. Flow moves along arcs that
keep labels, which lose nothing in value; when no such path is left, the labels of the nodes that
are cut off rise. The price gain**label certifies the optimum.

Levels are counted above `e_min`. `carry` is what an agent takes from a node to its next one, or
to its target from its last. `sent` is signed: > 0 from the contact's first node to its second.

An example: agent 0 meets agent 1 in slot 1, agent 1 meets agent 2 in slot 2, and half of what is
sent arrives. Agent 0 is node 0, agent 1 has the nodes 1 and 2, and agent 2 is node 3.

>>> from crowdcharge.planner.network import build_network
>>> contacts, no_limit = np.array([(0, 1, 1), (1, 2, 2)]), np.full(2, np.inf)
>>> net = build_network(contacts, no_limit, 2, 2, 3)
>>> net.agent.tolist()
[0, 1, 1, 2]

Agent 0 has 8 and wants 2 of it; the other two have nothing and want 1 each.

>>> flow = Flow(
...     carry=np.array([2.0, 0.0, 0.0, 0.0]),
...     sent=np.zeros(2),
...     excess=np.array([6.0, 0.0, 0.0, 0.0]),
...     label=np.zeros(4, np.int32),
...     room=np.full(3, 10.0),
...     wanted=np.array([2.0, 1.0, 1.0]),
...     price=0.5 ** np.arange(LABEL_MAX + 2),
...     step=1,
... )
>>> saturate(net, flow, new_search(4), 1e-12)

Agent 1 is served first, one step away: 2 must be sent for 1 to arrive. Then agent 2, two steps
away: 4 leave agent 0, 2 pass through agent 1 and 1 arrives.

>>> flow.sent.tolist(), flow.carry.tolist(), flow.excess.tolist()
([6.0, 2.0], [2.0, 3.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0])
>>> flow.label.tolist()  # the last path had two steps from agent 0 and one from agent 1
[2, 1, 1, 0]
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
    arc: Shorts  # the arc taken from each of these
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
def _over(
    sent: Floats, limit: Floats, price: Floats, step: int, touch: int, eps: float
) -> tuple[float, int]:
    """Return what the node can still send over this contact, and the contact's length in labels.

    Sending back what came in has length -1, because it regains what was lost.
    """
    x = -sent[touch >> 1] if touch & 1 else sent[touch >> 1]
    if step == 0 or x >= -eps:
        return limit[touch >> 1] - x, step
    return -x * price[1], -1


@jit
def _layers(net: Network, flow: Flow, search: Search, eps: float) -> int:
    """Search breadth first backwards from the unfilled targets; count the nodes that reach one.

    Arrays are taken out of their tuples first, because in an inner loop every look-up in a tuple
    costs two atomic reference counts.
    """
    first, agent, start, touch, other = net.first, net.agent, net.start, net.touch, net.other
    limit, sent, price, step = net.limit, flow.sent, flow.price, flow.step
    layer, label, carry, room, queue = (
        search.layer,
        flow.label,
        flow.carry,
        flow.room,
        search.queue,
    )
    layer[:] = -1
    tail = head = 0
    for i in range(len(room)):
        v = first[i + 1] - 1
        if label[v] == 0 and flow.wanted[i] - carry[v] > eps:
            layer[v], queue[tail] = 0, v
            tail += 1
    while head < tail:
        v = queue[head]
        head += 1
        i, here, deeper = agent[v], label[v], layer[v] + 1
        back, on = v > first[i], v + 1 < first[i + 1]
        if back and layer[v - 1] < 0 and label[v - 1] == here and room[i] - carry[v - 1] > eps:
            layer[v - 1], queue[tail] = deeper, v - 1
            tail += 1
        if on and layer[v + 1] < 0 and label[v + 1] == here and carry[v] > eps:
            layer[v + 1], queue[tail] = deeper, v + 1
            tail += 1
        for p in range(start[v], start[v + 1]):
            u = other[p]
            if layer[u] < 0 and abs(label[u] - here) <= step:
                most, length = _over(sent, limit, price, step, touch[p] ^ 1, eps)
                if most > eps and label[u] == here + length:
                    layer[u], queue[tail] = deeper, u
                    tail += 1
    return tail


@jit
def _relabel(net: Network, flow: Flow, search: Search, reached: int, eps: float) -> bool:
    """Raise the labels of the nodes that reach no target until one does; False if none can."""
    first, start, touch, other, limit = net.first, net.start, net.touch, net.other, net.limit
    sent, price, step, label, carry = flow.sent, flow.price, flow.step, flow.label, flow.carry
    layer, room = search.layer, flow.room
    slack = LABEL_MAX
    for k in range(reached):
        v = search.queue[k]
        i = net.agent[v]
        if v > first[i] and layer[v - 1] < 0 and room[i] - carry[v - 1] > eps:
            slack = min(slack, label[v] - label[v - 1])
        if v + 1 < first[i + 1] and layer[v + 1] < 0 and carry[v] > eps:
            slack = min(slack, label[v] - label[v + 1])
        for p in range(start[v], start[v + 1]):
            if layer[other[p]] < 0:
                most, length = _over(sent, limit, price, step, touch[p] ^ 1, eps)
                if most > eps:
                    slack = min(slack, label[v] + length - label[other[p]])
    if slack == LABEL_MAX:
        return False
    for v in range(len(label)):
        if layer[v] < 0:
            label[v] = min(label[v] + slack, LABEL_MAX)
    return True


@jit
def _send(net: Network, flow: Flow, search: Search, depth: int, left: float, eps: float) -> float:
    """Send what the path takes of `left` and return it, both in value; update `search.value`."""
    value = left
    for k in range(depth):
        value = min(value, search.value[k])
    for k in range(depth):
        v, p = search.path[k], search.arc[k]
        search.value[k] -= value
        here = p - net.start[v]
        amount = value / flow.price[flow.label[v]]
        if here == ONWARD:
            flow.carry[v] += amount
        elif here == BACK:
            flow.carry[v - 1] -= amount
        else:
            c, sign = net.touch[p] >> 1, 1.0 - 2.0 * (net.touch[p] & 1)
            if flow.sent[c] * sign < -eps and flow.step == 1:  # back: counted where it came from
                amount = value / flow.price[flow.label[net.other[p]]]
            flow.sent[c] += sign * amount
    return value


@jit
def _first_full(label: Shorts, price: Floats, search: Search, depth: int, eps: float) -> int:
    for k in range(depth):
        if search.value[k] <= eps * price[label[search.path[k]]]:
            return k
    return 0


@jit
def _drain(  # noqa: C901 - as _layers
    net: Network, flow: Flow, search: Search, source: int, eps: float
) -> None:
    """Send depth first from one node until its excess is gone or its layers are used up."""
    first, agent, start, touch, other = net.first, net.agent, net.start, net.touch, net.other
    limit, sent, price, step = net.limit, flow.sent, flow.price, flow.step
    label, carry, room, wanted = flow.label, flow.carry, flow.room, flow.wanted
    layer, pointer, path, arc = search.layer, search.pointer, search.path, search.arc
    depth, v = 0, source
    unit = price[label[source]]
    left = flow.excess[source] * unit
    while left > eps * unit:
        p = pointer[v]
        if p == start[v + 1]:
            if depth == 0:
                break
            depth -= 1
            v = path[depth]
            pointer[v] += 1
            continue
        i, k, most, length, head = agent[v], p - start[v], 0.0, 0, -1
        if k == ONWARD:
            if v + 1 == first[i + 1]:
                most = wanted[i] - carry[v]
            else:
                most, head = room[i] - carry[v], v + 1
        elif k == BACK:
            head = v - 1
            if v > first[i]:
                most = carry[head]
        else:
            most, length = _over(sent, limit, price, step, touch[p], eps)
            head = other[p]
        if head >= 0 and (layer[head] != layer[v] - 1 or label[head] + length != label[v]):
            most = 0.0
        if most <= eps:
            pointer[v] = p + 1
            continue
        path[depth], arc[depth], search.value[depth] = v, p, most * price[label[v]]
        depth += 1
        if head >= 0:
            v = head
            continue
        left -= _send(net, flow, search, depth, left, eps)
        depth = _first_full(label, price, search, depth, eps)
        v = path[depth]
    flow.excess[source] = left / unit


@jit
def saturate(net: Network, flow: Flow, search: Search, eps: float) -> None:
    """Complete the flow to a maximum one.

    Afterwards `search.layer` is >= 0 for the nodes that still reach an unfilled target.
    """
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
