# SPDX-License-Identifier: MIT
"""A crowd for many learners, one a board: a parallel environment of PettingZoo."""

from typing import Any

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from crowdcharge.learning.episode import FEATURES, Episode
from crowdcharge.simulation.contacts import Contact
from crowdcharge.simulation.scenario import Scenario

Floats = NDArray[np.float32]


class BoardsEnv(ParallelEnv[str, Floats, Floats]):  # type: ignore[misc]  # it has no types
    """Each agent `board_ID` observes its own `FEATURES` (features,) and wishes a level (1,).

    A step is a round of meetings, and all agents get the crowd's reward. An agent without a
    meeting in a round wishes in vain. Seeds are as in `CoordinatorEnv`.
    """

    metadata: dict[str, Any] = {"name": "crowdcharge_boards_v0", "render_modes": []}  # noqa: RUF012

    def __init__(self, scenario: Scenario, trace: list[Contact] | None = None) -> None:
        """InputError if the scenario has what an episode does not know."""
        self._scenario, self._trace = scenario, trace
        self._rng = np.random.default_rng(scenario.seed)
        self.episode = Episode(scenario, scenario.seed, trace)
        self.possible_agents = [f"board_{board_id}" for board_id in self.episode.board_ids]
        self.agents: list[str] = []
        self._observes = {
            agent: Box(0.0, 1.0, (len(FEATURES),), np.float32) for agent in self.possible_agents
        }
        self._wishes = {agent: Box(0.0, 1.0, (1,), np.float32) for agent in self.possible_agents}

    def observation_space(self, agent: str) -> Box:
        return self._observes[agent]

    def action_space(self, agent: str) -> Box:
        return self._wishes[agent]

    def reset(
        self,
        seed: int | None = None,
        options: dict[str, Any] | None = None,  # noqa: ARG002 - the interface of PettingZoo
    ) -> tuple[dict[str, Floats], dict[str, dict[str, Any]]]:
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        drawn = int(self._rng.integers(2**31)) if seed is None else seed
        self.episode = Episode(self._scenario, drawn, self._trace)
        self.agents = list(self.possible_agents)
        return self._seen(), {agent: {} for agent in self.agents}

    def step(
        self, actions: dict[str, Floats]
    ) -> tuple[
        dict[str, Floats],
        dict[str, float],
        dict[str, bool],
        dict[str, bool],
        dict[str, dict[str, Any]],
    ]:
        """Take a wish from every agent; KeyError if one is missing."""
        agents = self.agents
        wanted = np.concatenate([actions[agent] for agent in agents])
        reward = float(self.episode.step(wanted)[0])
        over = self.episode.over
        if over:
            self.agents = []
        return (
            self._seen(),
            dict.fromkeys(agents, reward),
            dict.fromkeys(agents, over),
            dict.fromkeys(agents, False),
            {agent: {} for agent in agents},
        )

    def state(self) -> Floats:
        """Return what all boards know together (n * features,)."""
        seen: Floats = self.episode.observation[0].ravel().astype(np.float32)
        return seen

    def _seen(self) -> dict[str, Floats]:
        rows = self.episode.observation[0].astype(np.float32)
        return dict(zip(self.possible_agents, rows, strict=True))
