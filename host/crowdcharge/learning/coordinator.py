# SPDX-License-Identifier: MIT
"""A crowd for one learner, a coordinator that sees all boards: an environment of gymnasium."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from crowdcharge.learning.episode import FEATURES, Episode
from crowdcharge.simulation.contacts import Contact
from crowdcharge.simulation.scenario import Scenario

Floats = NDArray[np.float32]


class CoordinatorEnv(gymnasium.Env[Floats, Floats]):
    """Observe `FEATURES` of all n boards (n * features,), wish a level for each (n,).

    A step is a round of meetings. `reset(seed=s)` gives the crowd that `crowdcharge simulate
    --seed s` gives; without a seed the next one is drawn.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - the interface of gymnasium

    def __init__(self, scenario: Scenario, trace: list[Contact] | None = None) -> None:
        """InputError if the scenario has what an episode does not know."""
        self._scenario, self._trace = scenario, trace
        self.episode = Episode(scenario, scenario.seed, trace)
        n = len(self.episode.board_ids)
        self.observation_space = Box(0.0, 1.0, (n * len(FEATURES),), np.float32)
        self.action_space = Box(0.0, 1.0, (n,), np.float32)

    def reset(
        self,
        *,
        seed: int | None = None,
        options: dict[str, Any] | None = None,  # noqa: ARG002 - the interface of gymnasium
    ) -> tuple[Floats, dict[str, Any]]:
        super().reset(seed=seed)
        drawn = int(self.np_random.integers(2**31)) if seed is None else seed
        self.episode = Episode(self._scenario, drawn, self._trace)
        return self._seen(), self._facts()

    def step(self, action: Floats) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        reward = float(self.episode.step(action)[0])
        return self._seen(), reward, self.episode.over, False, self._facts()

    def _seen(self) -> Floats:
        seen: Floats = self.episode.observation[0].ravel().astype(np.float32)
        return seen

    def _facts(self) -> dict[str, Any]:
        episode = self.episode
        return {
            "time_s": episode.time_s,
            "imbalance": float(episode.imbalance()[0]),
            "lost_J": float(episode.lost_J[0]),
            "outage_s": float(episode.outage_s[0]),
        }


gymnasium.register("crowdcharge/Coordinator-v0", f"{__name__}:CoordinatorEnv")
