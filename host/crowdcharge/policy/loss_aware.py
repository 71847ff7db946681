# SPDX-License-Identifier: MIT
"""The common level that loses least, and the policy that moves towards it and no further."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from crowdcharge.errors import InputError
from crowdcharge.policy.base import AgentView, Encounter, Offer
from crowdcharge.policy.pairwise import Weights, check_weights, weight_of


def check_beta(beta: float) -> float:
    if not 0 <= beta < 1:
        raise InputError(f"beta must be at least 0 and below 1, not {beta!r}")
    return beta


def target_level_J(energy_J: ArrayLike, beta: float, weights: ArrayLike = 1.0) -> float:
    """The level E* per weight with (1 - beta) * surplus above it = deficit below it.

    Sending each surplus once, straight to a deficit, reaches E* with the least possible loss,
    beta * surplus. Found by bisection over the agents' own levels; between two of them the
    balance is linear, so the rest is exact. Reconstruction of the aim of Dhungana and Bulut's
    loss-minimal balancing (MASS 2019, Ad Hoc Networks 2021), whose formulas were not available.
    """
    energy = np.asarray(energy_J, np.float64)
    weight = np.broadcast_to(np.asarray(weights, np.float64), energy.shape)
    order = np.argsort(energy / weight)
    energies = np.concatenate([[0.0], np.cumsum(energy[order])])  # [k]: of the k lowest
    weights_ = np.concatenate([[0.0], np.cumsum(weight[order])])
    # With the k lowest below E*: what the others deliver covers what these k need.
    covered = (1 - beta) * (energies[-1] - energies) + energies
    spread = (1 - beta) * (weights_[-1] - weights_) + weights_
    levels = (energy / weight)[order]
    surplus = covered[:-1] - levels * spread[:-1]  # at each own level; falls from rich to poor
    below = int(np.searchsorted(-surplus, 0.0))
    return float(covered[below] / spread[below])


class LossAware:
    """Energy moves only from above E* to below it, and neither side crosses it.

    Reconstruction after Dhungana and Bulut; it knows every agent's energy, so E* is computed
    afresh at each meeting and follows consumption, cords and links that lose more than `beta`.
    """

    name = "loss-aware"

    def __init__(self, beta: float = 0.2, weights: Weights = None) -> None:
        self.beta = check_beta(beta)
        self.weights = check_weights(weights)

    def decide(
        self,
        encounter: Encounter,
        views: Mapping[int, AgentView],
        now_s: float,
        rng: np.random.Generator,
    ) -> Offer | None:
        energies = [view.energy_J for view in views.values()]
        pair = (encounter.a, encounter.b)
        if self.weights is None:
            targets = dict.fromkeys(pair, target_level_J(energies, self.beta))
        else:
            weight = {agent: weight_of(self.weights, agent, view) for agent, view in views.items()}
            level = target_level_J(energies, self.beta, list(weight.values()))
            targets = {agent: weight[agent] * level for agent in pair}
        return towards(views, targets, self.beta)


def towards(
    views: Mapping[int, AgentView],
    target_J: Mapping[int, float],
    beta: float,
) -> Offer | None:
    """Of the two agents in `target_J`, what one can spare above its target and the other use."""
    over = {agent: views[agent].energy_J - target_J[agent] for agent in target_J}
    ptx, prx = sorted(target_J, key=over.__getitem__, reverse=True)
    room_J = views[prx].capacity_J - views[prx].energy_J
    energy_J = min(over[ptx], min(-over[prx], room_J) / (1 - beta))
    return Offer(ptx, prx, energy_J) if energy_J > 0 else None
