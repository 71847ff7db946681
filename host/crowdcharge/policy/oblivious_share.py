# SPDX-License-Identifier: MIT
"""PURE: P_OS and its weighted form P_OWS, in which any two agents that meet share."""

from collections.abc import Mapping

import numpy as np

from crowdcharge.policy.base import AgentView, Encounter, Offer
from crowdcharge.policy.pairwise import Weights, check_weights, offer, pair_share_J


class ObliviousShare:
    """P_OS and P_OWS: the richer agent (per weight) sends what would make both equal.

    The rule for transfers without loss is the papers' (Nikoletseas, Raptis, Raptopoulos, ICDCS
    2016 and Ad Hoc Networks 2017). That the same amount leaves the transmitter when part of it is
    lost is a reconstruction.
    """

    name = "oblivious-share"
    says = "The fuller of the two gives half of the difference."

    def __init__(self, weights: Weights = None) -> None:
        self.weights = check_weights(weights)

    def decide(
        self,
        encounter: Encounter,
        views: Mapping[int, AgentView],
        now_s: float,
        rng: np.random.Generator,
    ) -> Offer | None:
        return offer(encounter, pair_share_J(self.weights, encounter, views), views)
