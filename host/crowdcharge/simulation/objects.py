# SPDX-License-Identifier: MIT
"""PURE: the engine for any policy, with one `decide` for each meeting as on boards."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from crowdcharge.policy import Encounter, Policy, offered
from crowdcharge.simulation.schedule import Indices


@dataclass(slots=True)
class SimulatedAgent:
    energy_J: float
    capacity_J: float = inf
    gives_J: float = inf
    wants_J: float = inf
    coil_C: float = 25.0


class Rows(Mapping[int, SimulatedAgent]):
    """Views of the agents' rows by number."""

    def __init__(self, agents: Any) -> None:
        self._agents = agents

    def __getitem__(self, agent: int) -> SimulatedAgent:
        return SimulatedAgent(float(self._agents[agent, 0]))

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self._agents)))

    def __len__(self) -> int:
        return len(self._agents)


def run_objects(
    agents: Any, pairs: Indices, policy: Policy, beta: float, rng: np.random.Generator
) -> None:
    """Run meetings in the order given; they take no time, so the policy's clock stands at 0."""
    views, kept = Rows(agents), 1 - beta
    for a, b in pairs.tolist():
        offer = offered(policy, Encounter(a, b), views, 0.0, rng)
        if offer is not None:
            sent_J = min(offer.energy_J, float(agents[offer.ptx, 0]))  # nobody sends more
            agents[offer.ptx, 0] -= sent_J
            agents[offer.prx, 0] += kept * sent_J
