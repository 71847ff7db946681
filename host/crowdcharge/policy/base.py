# SPDX-License-Identifier: MIT
"""PURE: what a crowd protocol is, an object that answers one question at each meeting.

The simulator and the orchestrator call the same object. What the papers call an agent's
memory lives in the policy object; time and randomness are arguments.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True, slots=True)
class Encounter:
    """Two agents that can exchange energy now; the order carries no meaning."""

    a: int
    b: int


@dataclass(frozen=True, slots=True)
class Offer:
    """`energy_J` is what leaves the transmitter; the receiver gains less."""

    ptx: int
    prx: int
    energy_J: float


class AgentView(Protocol):
    """The facts that a policy may know of an agent.

    `gives_J`: what its owner lets it give now; `wants_J`: what its owner wants. Both are infinite
    where nothing was said. `coil_C`: of its coil, by its newest authenticated word.
    """

    @property
    def energy_J(self) -> float: ...
    @property
    def capacity_J(self) -> float: ...
    @property
    def gives_J(self) -> float: ...
    @property
    def wants_J(self) -> float: ...
    @property
    def coil_C(self) -> float: ...


class Policy(Protocol):
    """`recall(board_id, levels, fade)`, which a policy may have, is told a ledger's past."""

    name: str

    def decide(
        self,
        encounter: Encounter,
        views: Mapping[int, AgentView],
        now_s: float,
        rng: np.random.Generator,
    ) -> Offer | None:
        """Return the transfer to make at this meeting, or None. Called once for each meeting."""
        ...
