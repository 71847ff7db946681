# SPDX-License-Identifier: MIT
"""PURE: the common level that loses least, and a policy that moves towards it and no further."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from crowdcharge.errors import InputError
from crowdcharge.policy.base import AgentView, Encounter, Offer
from crowdcharge.policy.pairwise import Weights, check_weights, weight_of


def check_beta(beta: float) -> float:
    """Return the lost share unchanged; InputError unless 0 <= beta < 1."""
    if not 0 <= beta < 1:
        raise InputError(f"beta must be at least 0 and below 1, not {beta!r}")
    return beta


def target_level_J(energy_J: ArrayLike, beta: float, weights: ArrayLike = 1.0) -> float:
    """Find the level E* per weight at which (1 - beta) * surplus above it = deficit below it.

    `energy_J` is (n,), `weights` one number or (n,). Sending each surplus once, straight to a
    deficit, reaches E* with the least possible loss, beta * surplus. Bisection over the agents'
    own levels finds the two levels around E*; between them the balance is linear, so the result is
    exact. This reconstructs the aim of Dhungana and Bulut's loss-minimal balancing (MASS 2019, Ad
    Hoc Networks 2021), whose formulas were not available.
    """
    energy = np.asarray(energy_J, np.float64)
    weight = np.broadcast_to(np.asarray(weights, np.float64), energy.shape)
    order = np.argsort(energy / weight)
    energies = np.concatenate([[0.0], np.cumsum(energy[order])])  # [k] sums the k lowest
    weights_ = np.concatenate([[0.0], np.cumsum(weight[order])])
    # With the k lowest below E*: what the others deliver covers what these k need.
    covered = (1 - beta) * (energies[-1] - energies) + energies
    spread = (1 - beta) * (weights_[-1] - weights_) + weights_
    levels = (energy / weight)[order]
    # The balance at each agent's own level falls as the level rises.
    surplus = covered[:-1] - levels * spread[:-1]
    below = int(np.searchsorted(-surplus, 0.0))
    return float(covered[below] / spread[below])


class LossAware:
    """A policy that moves energy only from above E* to below it, so that neither side crosses it.

    A reconstruction after Dhungana and Bulut (see `target_level_J`). The policy knows every
    agent's energy and computes E* afresh at each meeting, so E* follows consumption, cords and
    links that lose more than `beta`.
    """

    name = "loss-aware"
    says = "Who is above the level that all could reach after the losses gives to who is below it."

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
    """Offer what one of the two agents can spare above its target and the other can use."""
    over = {agent: views[agent].energy_J - target_J[agent] for agent in target_J}
    ptx, prx = sorted(target_J, key=over.__getitem__, reverse=True)
    room_J = views[prx].capacity_J - views[prx].energy_J
    energy_J = min(over[ptx], min(-over[prx], room_J) / (1 - beta))
    return Offer(ptx, prx, energy_J) if energy_J > 0 else None
