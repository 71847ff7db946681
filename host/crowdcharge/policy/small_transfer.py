# SPDX-License-Identifier: MIT
"""PURE: P_ST and its weighted form, in which the richer agent sends a small quantum."""

from collections.abc import Mapping
from math import copysign

import numpy as np

from crowdcharge.errors import InputError
from crowdcharge.policy.base import AgentView, Encounter, Offer
from crowdcharge.policy.pairwise import Weights, check_weights, offer, pair_share_J


class SmallTransfer:
    """P_ST: the richer agent sends `quantum_J`, but never more than P_OS would.

    The paper's rule (Nikoletseas, Raptis, Raptopoulos, ICDCS 2016) moves the quantum whenever the
    levels differ. Once they are within one quantum it swaps the roles for ever and burns what it
    moves, so the cap is ours.
    """

    name = "small-transfer"
    says = "The fuller of the two gives a small, fixed amount."

    def __init__(self, quantum_J: float = 1.0, weights: Weights = None) -> None:
        if not quantum_J > 0:
            raise InputError(f"quantum_J must be positive, not {quantum_J!r}")
        self.quantum_J = quantum_J
        self.weights = check_weights(weights)

    def decide(
        self,
        encounter: Encounter,
        views: Mapping[int, AgentView],
        now_s: float,
        rng: np.random.Generator,
    ) -> Offer | None:
        share_J = pair_share_J(self.weights, encounter, views)
        return offer(encounter, copysign(min(abs(share_J), self.quantum_J), share_J), views)
