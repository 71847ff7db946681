# SPDX-License-Identifier: MIT
"""P_OA and its weighted form: share only across one's own estimate of the average."""

from collections.abc import Mapping

import numpy as np

from crowdcharge.policy.base import AgentView, Encounter, Offer
from crowdcharge.policy.pairwise import Weights, check_weights, offer, share_J, weight_of


def crosses_average(level_a: float, level_b: float, average_a: float, average_b: float) -> bool:
    """Exactly one of the two is above its own average (equal counts as not above)."""
    return (level_a > average_a) != (level_b > average_b)


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
        average_a = self._average_with(encounter.a, level_a, level_b)
        average_b = self._average_with(encounter.b, level_b, level_a)
        if not crosses_average(level_a, level_b, average_a, average_b):
            return None
        return offer(encounter, share_J(a.energy_J, b.energy_J, weight_a, weight_b), views)

    def _average_with(self, agent: int, own: float, other: float) -> float:
        """Folds the other's level in and returns the agent's average."""
        self._met[agent] = self._met.get(agent, 1) + 1
        self._total[agent] = self._total.get(agent, own) + other
        return self._total[agent] / self._met[agent]
