# SPDX-License-Identifier: MIT
"""PURE: wanted levels as a weighted sum of what a board knows, in episodes and as a policy."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from crowdcharge.errors import InputError
from crowdcharge.learning.episode import FEATURES, Values
from crowdcharge.policy.base import AgentView, Encounter, Offer
from crowdcharge.policy.levels_met import add_level
from crowdcharge.policy.loss_aware import check_beta, towards
from crowdcharge.policy.rule import Keeps


def linear_levels(weights: ArrayLike, observation: Values) -> Values:
    """Want sum of weights (..., features) times observation (..., n, features): (..., n)."""
    weights = np.asarray(weights, np.float64)
    wanted: Values = np.clip((observation * weights[..., None, :]).sum(axis=-1), 0.0, 1.0)
    return wanted


class LinearLevels:
    """What was learned in an episode, as a policy for the simulator and for boards.

    `weights` are one for each of `FEATURES`; `duration_s` is when the run ends, from which a board
    knows the time that is left. A board knows no more than in `Episode`: its own level, the
    other's, and the means of the levels that both have met.
    """

    name = "linear-levels"
    says = "Both name the level at which they want to be; energy flows until one of them is there."

    def __init__(self, weights: Sequence[float], duration_s: float, beta: float = 0.2) -> None:
        if len(weights) != len(FEATURES):
            raise InputError(f"weights: one for each of {', '.join(FEATURES)} is needed")
        if not duration_s > 0:
            raise InputError(f"duration_s must be positive, not {duration_s!r}")
        self._weights = np.array(weights, np.float64)
        self._duration_s = duration_s
        self._beta = check_beta(beta)
        self._keeps: dict[int, Keeps] = defaultdict(Keeps)

    def decide(
        self,
        encounter: Encounter,
        views: Mapping[int, AgentView],
        now_s: float,
        rng: np.random.Generator,  # noqa: ARG002 - the interface
    ) -> Offer | None:
        pair = (encounter.a, encounter.b)
        energy_J = np.array([views[agent].energy_J for agent in pair])
        capacity_J = np.array([views[agent].capacity_J for agent in pair])
        level = energy_J / capacity_J
        sides = zip(pair, level, level[::-1], strict=True)
        mean = np.array([self._meets(agent, own, other) for agent, own, other in sides])
        common, left = energy_J.sum() / capacity_J.sum(), max(1 - now_s / self._duration_s, 0.0)
        same = np.ones(2)
        columns = [level, level[::-1], mean, mean[::-1], common * same, left * same, same]
        wanted = linear_levels(self._weights, np.column_stack(columns))
        return towards(views, dict(zip(pair, wanted * capacity_J, strict=True)), self._beta)

    def _meets(self, agent: int, own: float, other: float) -> float:
        """Add the other's level to the mean of the levels met, and return it."""
        keeps = self._keeps[agent]
        add_level(keeps, own, other)
        return keeps.total / keeps.met
