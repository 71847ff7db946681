# SPDX-License-Identifier: MIT
"""P_OA and its weighted form: share only across one's own estimate of the average."""

from collections.abc import Mapping

import numpy as np

from crowdcharge.policy.base import AgentView, Encounter, Offer
from crowdcharge.policy.pairwise import Weights, check_weights, offer, share_J, weight_of


class OnlineAverage:
    """After Nikoletseas, Raptis, Raptopoulos, ICDCS 2016 (P_OA).

    Each agent averages the levels it has met; P_OS happens only when exactly one of the two is
    above its own average. Reconstructed: an agent's own level at its first meeting is its first
    sample, and both fold the other's level in before they compare. A level is energy per weight.
    """

    name = "online-average"

    def __init__(self, weights: Weights = None) -> None:
        self.weights = check_weights(weights)
        self._met: dict[int, int] = {}
        self._total: dict[int, float] = {}

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
        level_a, level_b = a.energy_J / weight_a, b.energy_J / weight_b
        a_above = self._meets(encounter.a, level_a, level_b)
        b_above = self._meets(encounter.b, level_b, level_a)
        if a_above == b_above:
            return None
        return offer(encounter, share_J(a.energy_J, b.energy_J, weight_a, weight_b), views)

    def _meets(self, agent: int, own: float, other: float) -> bool:
        """Folds the other's level in; whether the agent is then above its average."""
        self._met[agent] = self._met.get(agent, 1) + 1
        self._total[agent] = self._total.get(agent, own) + other
        return own * self._met[agent] > self._total[agent]
