# SPDX-License-Identifier: MIT
"""P_ST and its weighted form: the richer sends a small quantum."""

from collections.abc import Mapping
from math import copysign

import numpy as np

from crowdcharge.errors import InputError
from crowdcharge.policy.base import AgentView, Encounter, Offer
from crowdcharge.policy.pairwise import Weights, check_weights, offer, share_J, weight_of


class SmallTransfer:
    """After Nikoletseas, Raptis, Raptopoulos, ICDCS 2016 (P_ST), with a cap of our own.

    The paper's rule moves `quantum_J` whenever the levels differ; once they are within one
    quantum it swaps the roles for ever and burns what it moves. The cap is P_OS's amount.
    """

    name = "small-transfer"

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
        a, b = views[encounter.a], views[encounter.b]
        weight_a = weight_of(self.weights, encounter.a, a)
        weight_b = weight_of(self.weights, encounter.b, b)
        share = share_J(a.energy_J, b.energy_J, weight_a, weight_b)
        return offer(encounter, copysign(min(abs(share), self.quantum_J), share), views)
