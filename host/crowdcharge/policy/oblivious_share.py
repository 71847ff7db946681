# SPDX-License-Identifier: MIT
"""P_OS and its weighted form P_OWS: whoever meets, shares."""

from collections.abc import Mapping

import numpy as np

from crowdcharge.policy.base import AgentView, Encounter, Offer
from crowdcharge.policy.pairwise import Weights, check_weights, offer, share_J, weight_of


class ObliviousShare:
    """After Nikoletseas, Raptis, Raptopoulos, ICDCS 2016 (P_OS) and Ad Hoc Networks 2017 (P_OWS).

    The richer (per weight) sends what would make both equal (per weight) if nothing were lost;
    the same amount leaves with loss. The lossless rule is the paper's; that the lossy one keeps
    the amount is a reconstruction.
    """

    name = "oblivious-share"

    def __init__(self, weights: Weights = None) -> None:
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
        return offer(encounter, share_J(a.energy_J, b.energy_J, weight_a, weight_b), views)
