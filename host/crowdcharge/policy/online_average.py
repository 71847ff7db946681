# SPDX-License-Identifier: MIT
"""PURE: P_OA and its weighted form, which share only across an estimate of the average."""

from collections.abc import Mapping

import numpy as np

from crowdcharge.policy.base import AgentView, Encounter, Offer
from crowdcharge.policy.levels_met import LevelsMet
from crowdcharge.policy.pairwise import Weights, check_weights, offer, pair_share_J, pair_weights


class OnlineAverage:
    """P_OA: share as P_OS does, but only if exactly one of the two is above its own average.

    After Nikoletseas, Raptis, Raptopoulos, ICDCS 2016. Each agent averages the levels it has met;
    a level is energy per weight. Two details are reconstructions: an agent's own level at its
    first meeting is its first sample, and both agents add the other's level before they compare.
    """

    name = "online-average"
    says = "Who is above the average of all it has met gives to who is below its own."

    def __init__(self, weights: Weights = None) -> None:
        self.weights = check_weights(weights)
        self._met = LevelsMet()

    def decide(
        self,
        encounter: Encounter,
        views: Mapping[int, AgentView],
        now_s: float,
        rng: np.random.Generator,
    ) -> Offer | None:
        weight_a, weight_b = pair_weights(self.weights, encounter, views)
        level_a = views[encounter.a].energy_J / weight_a
        level_b = views[encounter.b].energy_J / weight_b
        a_above = self._meets(encounter.a, level_a, level_b)
        b_above = self._meets(encounter.b, level_b, level_a)
        if a_above == b_above:
            return None
        return offer(encounter, pair_share_J(self.weights, encounter, views), views)

    def _meets(self, agent: int, own: float, other: float) -> bool:
        """Add the other's level to the average; true if the agent is then above it."""
        total, count = self._met.add(agent, own, other)
        return own * count > total
