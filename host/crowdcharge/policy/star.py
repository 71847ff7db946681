# SPDX-License-Identifier: MIT
"""PURE: star formation, in which the crowd elects a centre and gives it half of the energy."""

from collections.abc import Mapping

import numpy as np

from crowdcharge.errors import InputError
from crowdcharge.metrics import imbalance
from crowdcharge.policy.base import AgentView, Encounter, Offer
from crowdcharge.policy.loss_aware import check_beta
from crowdcharge.policy.pairwise import offer

Edge = frozenset[int]


class StarFormation:
    """Star formation with rules reconstructed after Madhja et al.

    After Madhja, Nikoletseas, Raptopoulos, Tsolovos, MSWiM 2016. The structure is Michail and
    Spirakis' global star: all agents start as centres; when two centres meet, one becomes
    peripheral and is linked to the other; a centre links any peripheral agent it meets; two
    peripheral agents unlink. With knowledge 0 a centre that gives up its role hands over all its
    energy, with 1 half of it. With 2 a centre knows its degree d, and every link trades towards
    energy(centre) = d * energy(leaf).
    """

    name = "star"
    says = "The crowd elects a centre, which keeps half of the energy; the others share the rest."

    def __init__(self, knowledge: int = 2, beta: float = 0.2) -> None:
        if knowledge not in (0, 1, 2):
            raise InputError(f"knowledge must be 0, 1 or 2, not {knowledge!r}")
        self.knowledge = knowledge
        self.beta = check_beta(beta)
        self.peripheral: set[int] = set()
        self.edges: set[Edge] = set()
        self._degree: dict[int, int] = {}

    def decide(
        self,
        encounter: Encounter,
        views: Mapping[int, AgentView],
        now_s: float,
        rng: np.random.Generator,
    ) -> Offer | None:
        a, b = encounter.a, encounter.b
        leaves = [agent for agent in (a, b) if agent in self.peripheral]
        if len(leaves) == 2:
            self._link(a, b, False)
            return None
        elected = not leaves
        leaf = (a, b)[int(rng.integers(2))] if elected else leaves[0]
        centre = b if leaf == a else a
        self.peripheral.add(leaf)
        self._link(centre, leaf, True)
        if self.knowledge == 2:
            return self._balance(centre, leaf, views)
        handed_over = 1.0 if self.knowledge == 0 else 0.5
        share_J = views[leaf].energy_J * handed_over if elected else 0.0
        return offer(Encounter(leaf, centre), share_J, views)

    def distance(self, energy_J: Mapping[int, float]) -> float:
        """Measure the distance to the nearest star, over all agents that are still centres.

        It is the total variation distance, 0 to 1, of the energies by agent.
        """
        agents = list(energy_J)
        centres = [place for place, agent in enumerate(agents) if agent not in self.peripheral]
        levels_J = list(energy_J.values())
        shares = (star_shares(len(agents), centre) for centre in centres)
        return min((imbalance(levels_J, each) for each in shares), default=imbalance(levels_J))

    def _link(self, a: int, b: int, on: bool) -> None:
        edge = frozenset((a, b))
        if (edge in self.edges) == on:
            return
        (self.edges.add if on else self.edges.discard)(edge)
        for agent in edge:
            self._degree[agent] = self._degree.get(agent, 0) + (1 if on else -1)

    def _balance(self, centre: int, leaf: int, views: Mapping[int, AgentView]) -> Offer | None:
        """Offer what makes energy(centre) = degree * energy(leaf) after the loss."""
        degree = self._degree[centre]
        missing_J = degree * views[leaf].energy_J - views[centre].energy_J
        if missing_J > 0:
            return offer(Encounter(leaf, centre), missing_J / (degree + 1 - self.beta), views)
        spare_J = -missing_J / (1 + degree * (1 - self.beta))
        return offer(Encounter(centre, leaf), spare_J, views)


def star_shares(n: int, centre: int) -> list[float]:
    """Return the target shares (n,): half in the centre, the rest even over the leaves."""
    return [0.5 if agent == centre else 0.5 / (n - 1) for agent in range(n)]
