# SPDX-License-Identifier: MIT
"""PURE: what the pairwise protocols share: weights, the fair share of a pair, bounded offers."""

import re
from collections.abc import Mapping
from typing import Literal

from crowdcharge.errors import InputError
from crowdcharge.escaping import shown
from crowdcharge.policy.base import AgentView, Encounter, Offer

# None: all agents alike. "capacity": balance the state of charge. A mapping: agent -> weight > 0.
Weights = Mapping[int, float] | Literal["capacity"] | None


def check_weights(weights: Weights) -> Weights:
    """Check the weights and make their agents whole numbers (a file has text); or InputError."""
    if weights is None or weights == "capacity":
        return weights
    if not isinstance(weights, Mapping):
        raise InputError(
            f'weights must be "capacity" or a table agent = weight, not {shown(weights)}'
        )
    for agent, weight in weights.items():
        if not re.fullmatch("0|[1-9][0-9]*", str(agent)):
            raise InputError(f"weights: {shown(agent)} is not an agent's number")
        if type(weight) not in (int, float) or not weight > 0:
            raise InputError(f"weight of agent {agent} must be positive, not {shown(weight)}")
    return {int(agent): float(weight) for agent, weight in weights.items()}


def weight_of(weights: Weights, agent: int, view: AgentView) -> float:
    """Look up one agent's weight; InputError if a table leaves the agent out."""
    if weights is None:
        return 1.0
    if isinstance(weights, str):
        return view.capacity_J
    return weight_in(weights, agent)


def weight_in(table: Mapping[int, float], agent: int) -> float:
    """Look up one agent's weight; InputError if the table leaves the agent out."""
    if agent not in table:
        raise InputError(f"agent {agent} has no weight; give one to every agent")
    return table[agent]


def share_J(energy_a_J: float, energy_b_J: float, weight_a: float, weight_b: float) -> float:
    """Compute what a sends to b (negative: b to a) so that energy follows the weights.

    This is the rule of P_OS and P_OWS for a transfer without loss: half of the difference when
    the weights are equal.
    """
    return (energy_a_J * weight_b - energy_b_J * weight_a) / (weight_a + weight_b)


def movable_J(sent_J: float, held_J: float, room_J: float) -> float:
    """Bound what is sent by what the transmitter has and the receiver can hold without loss.

    At the least it is 0. The papers know no capacity; with equal ones this bound never binds.
    """
    return max(min(sent_J, held_J, room_J), 0.0)


def offer(encounter: Encounter, sent_J: float, views: Mapping[int, AgentView]) -> Offer | None:
    """Offer to move `sent_J` from a to b (negative: from b to a); None if nothing can move."""
    ptx, prx = (encounter.a, encounter.b) if sent_J > 0 else (encounter.b, encounter.a)
    room_J = views[prx].capacity_J - views[prx].energy_J
    energy_J = movable_J(abs(sent_J), views[ptx].energy_J, room_J)
    return Offer(ptx, prx, energy_J) if energy_J > 0 else None
