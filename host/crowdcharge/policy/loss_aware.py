# SPDX-License-Identifier: MIT
"""PURE: the common level that loses least, and a policy that moves towards it and no further."""

from collections.abc import Mapping
from math import inf
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from crowdcharge.errors import InputError
from crowdcharge.policy.base import AgentView, Encounter, Offer
from crowdcharge.policy.pairwise import Weights, check_weights, weight_of
from crowdcharge.policy.rule import PairPolicy, Side, Tables


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


def share_towards_level(
    told: Any, _tables: Tables, _now_s: float, one: Side, other: Side
) -> float:
    over_J = one.has.energy_J - one.has.weight * told.level_J
    others_J = other.has.energy_J - other.has.weight * told.level_J
    if over_J >= others_J:
        return towards_J(over_J, others_J, other.has.capacity_J - other.has.energy_J, told.beta)
    return -towards_J(others_J, over_J, one.has.capacity_J - one.has.energy_J, told.beta)


def towards_J(over_J: float, others_J: float, room_J: float, beta: float) -> float:
    """Return what one can spare above its target and the other can use."""
    return max(min(over_J, min(-others_J, room_J) / (1 - beta)), 0.0)


class LossAware(PairPolicy):
    """A policy that moves energy only from above E* to below it, so that neither side crosses it.

    A reconstruction after Dhungana and Bulut (see `target_level_J`). The policy knows every
    agent's energy. It computes E* afresh when it is `fresh_s` old, so E* follows consumption,
    cords and links that lose more than `beta`; transfers that lose `beta` leave it where it is.
    With `fresh_s` = 0 it is computed at each meeting, whose cost then grows with the crowd.
    """

    name = "loss-aware"
    says = "Who is above the level that all could reach after the losses gives to who is below it."
    rule = staticmethod(share_towards_level)

    def __init__(self, beta: float = 0.2, weights: Weights = None, fresh_s: float = 10.0) -> None:
        super().__init__()
        if not fresh_s >= 0:
            raise InputError(f"fresh_s must not be negative, not {fresh_s!r}")
        self.beta, self.fresh_s = check_beta(beta), fresh_s
        self.weights = check_weights(weights)
        self.level_J, self.level_s = 0.0, -inf

    def decide(
        self,
        encounter: Encounter,
        views: Mapping[int, AgentView],
        now_s: float,
        rng: np.random.Generator,
    ) -> Offer | None:
        if now_s - self.level_s >= self.fresh_s:
            weights = [weight_of(self.weights, agent, view) for agent, view in views.items()]
            self.look([view.energy_J for view in views.values()], weights, now_s)
        return super().decide(encounter, views, now_s, rng)

    def look(self, energy_J: ArrayLike, weights: ArrayLike, now_s: float) -> None:
        """Compute E* from what all have, each (n,)."""
        self.level_J, self.level_s = target_level_J(energy_J, self.beta, weights), now_s


def towards(
    views: Mapping[int, AgentView],
    target_J: Mapping[int, float],
    beta: float,
) -> Offer | None:
    """Offer what one of the two agents can spare above its target and the other can use."""
    over = {agent: views[agent].energy_J - target_J[agent] for agent in target_J}
    ptx, prx = sorted(target_J, key=over.__getitem__, reverse=True)
    room_J = views[prx].capacity_J - views[prx].energy_J
    energy_J = towards_J(over[ptx], over[prx], room_J, beta)
    return Offer(ptx, prx, energy_J) if energy_J > 0 else None
