# SPDX-License-Identifier: MIT
"""What the pairwise protocols share: weights, the fair share of a pair, bounded offers."""

from collections.abc import Mapping
from typing import Literal

from crowdcharge.errors import InputError
from crowdcharge.policy.base import AgentView, Encounter, Offer

# None: all agents alike. "capacity": balance the state of charge. A mapping: agent -> weight > 0.
Weights = Mapping[int, float] | Literal["capacity"] | None


def check_weights(weights: Weights) -> Weights:
    """The same weights with whole-number agents (a file has them as text), or InputError."""
    if isinstance(weights, str) and weights != "capacity":
        raise InputError(f'weights must be "capacity" or a table agent = weight, not "{weights}"')
    if not isinstance(weights, Mapping):
        return weights
    for agent, weight in weights.items():
        if not str(agent).isdecimal():
            raise InputError(f"weights: {agent!r} is not an agent's number")
        if type(weight) not in (int, float) or not weight > 0:
            raise InputError(f"weight of agent {agent} must be positive, not {weight!r}")
    return {int(agent): float(weight) for agent, weight in weights.items()}


def weight_of(weights: Weights, agent: int, view: AgentView) -> float:
    if weights is None:
        return 1.0
    if isinstance(weights, str):
        return view.capacity_J
    if agent not in weights:
        raise InputError(f"agent {agent} has no weight; give one to every agent")
    return weights[agent]


def share_J(energy_a_J: float, energy_b_J: float, weight_a: float, weight_b: float) -> float:
    """What a sends to b (negative: b to a) so that, without loss, energy follows the weights.

    Half of the difference when the weights are equal.
    """
    return (energy_a_J * weight_b - energy_b_J * weight_a) / (weight_a + weight_b)


def offer(encounter: Encounter, sent_J: float, views: Mapping[int, AgentView]) -> Offer | None:
    """The offer that moves `sent_J` from a to b (negative: from b to a).

    Never more than the transmitter has or than the receiver could hold without loss; the papers
    know no capacity, and with equal capacities the bound never binds.
    """
    ptx, prx = (encounter.a, encounter.b) if sent_J > 0 else (encounter.b, encounter.a)
    room_J = views[prx].capacity_J - views[prx].energy_J
    energy_J = min(abs(sent_J), views[ptx].energy_J, room_J)
    return Offer(ptx, prx, energy_J) if energy_J > 0 else None
