# SPDX-License-Identifier: MIT
"""PURE: LYP(T) for one loss share: the exact least loss at a horizon, without a linear program.

The loss is what is missing at the end, so the least loss is the greatest final total S. For a
given S the agents' final levels are known and the question is a maximum flow with losses. Its
prices bound S from above by a line; Newton's method on these lines ends at the greatest S
and every step goes on from the flow of the step before.
"""

from typing import NamedTuple

import numpy as np

from crowdcharge.planner.gains import LABEL_MAX, Flow, Search, new_search, saturate
from crowdcharge.planner.jit import jit
from crowdcharge.planner.network import Network, build_network
from crowdcharge.planner.problem import Floats, Ints

RELATIVE_EPS = 1e-12
NEWTON_STEPS_MAX = 200


class LossyAnswer(NamedTuple):
    """The greatest `total` at the end, and the `leftover` energy that found no use.

    A `leftover` > 0 means that the horizon is too short. `found` is False if even the greatest
    total asks for a level below `e_min`.
    """

    found: bool
    total: float
    leftover: float
    net: Network
    flow: Flow


@jit
def _start(net: Network, supply: Floats, room: Floats, wanted: Floats, beta: float) -> Flow:
    """Let every agent carry what it wants itself, and offer the rest at its first node."""
    nodes = len(net.agent)
    carry, excess = np.empty(nodes), np.zeros(nodes)
    for i in range(len(supply)):
        own = min(supply[i], wanted[i])
        carry[net.first[i] : net.first[i + 1]] = own
        excess[net.first[i]] = supply[i] - own
    price: Floats = np.float64(1.0 - beta) ** np.arange(LABEL_MAX + 2)
    label = np.zeros(nodes, np.int32)
    return Flow(
        carry, np.zeros(len(net.slot)), excess, label, room, wanted, price, 1 if beta > 0 else 0
    )


@jit
def _missing(net: Network, flow: Flow) -> float:
    missing = 0.0
    for i in range(len(flow.wanted)):
        missing += flow.wanted[i] - flow.carry[net.first[i + 1] - 1]
    return missing


@jit
def _slope(net: Network, flow: Flow, search: Search, share: Floats) -> float:
    """Compute what one unit less of final total saves at the targets, in value."""
    slope = 0.0
    for i in range(len(share)):
        v = net.first[i + 1] - 1
        if search.layer[v] >= 0:
            slope += share[i] * flow.price[flow.label[v]]
    return slope


@jit
def _lower(
    net: Network, flow: Flow, share: Floats, e_min: Floats, total: float, slack: float
) -> bool:
    """Set the targets for a smaller total, and offer again what is then too much.

    False if a target falls below `e_min` by more than `slack`.
    """
    for i in range(len(share)):
        flow.wanted[i] = max(share[i] * total - e_min[i], 0.0)
        if share[i] * total < e_min[i] - slack:
            return False
        v = net.first[i + 1] - 1
        if flow.carry[v] > flow.wanted[i]:
            flow.excess[v] += flow.carry[v] - flow.wanted[i]
            flow.carry[v] = flow.wanted[i]
    return True


@jit
def greatest_total(
    contacts: Ints,
    limit: Floats,
    slots: int,
    horizon: int,
    e0: Floats,
    e_min: Floats,
    e_max: Floats,
    share: Floats,
    beta: float,
    slack: float,
) -> LossyAnswer:
    """Find the greatest total at slot `horizon`; energies (n,) are in the unit of the problem.

    All `e0` lie within the bounds; a target may miss `e_min` by `slack`.
    """
    n = len(e0)
    net = build_network(contacts, limit, slots, horizon, n)
    scale = e_max.max()
    eps = RELATIVE_EPS * scale
    total = e0.sum()
    for i in range(n):
        if share[i] > 0:
            total = min(total, e_max[i] / share[i])
    wanted = share * total - e_min
    flow = _start(net, e0 - e_min, e_max - e_min, np.maximum(wanted, 0.0), beta)
    search = new_search(len(net.agent))
    if wanted.min() < -slack:
        return LossyAnswer(False, 0.0, np.inf, net, flow)
    for _ in range(NEWTON_STEPS_MAX):
        saturate(net, flow, search, eps)
        missing = _missing(net, flow)
        if missing <= eps * n:
            return LossyAnswer(True, total, flow.excess.sum(), net, flow)
        total -= missing / _slope(net, flow, search, share)
        if not _lower(net, flow, share, e_min, total, slack):
            break
    return LossyAnswer(False, 0.0, np.inf, net, flow)
