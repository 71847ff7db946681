# SPDX-License-Identifier: MIT
"""PURE: star formation, in which the crowd elects a centre and gives it half of the energy."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdcharge.errors import InputError
from crowdcharge.metrics import imbalance
from crowdcharge.policy.base import AgentView, Encounter, Offer
from crowdcharge.policy.links import is_crowded, link, pairs_of, unlink, with_room
from crowdcharge.policy.loss_aware import check_beta
from crowdcharge.policy.rule import PairPolicy, Side, Tables, bounded_J


def elect_and_share(told: Any, tables: Tables, _now_s: float, one: Side, other: Side) -> float:
    leaves = one.keeps.has_parent + other.keeps.has_parent
    if leaves == 2:
        if unlink(tables.links, one.at, other.at):
            one.keeps.children -= 1
            other.keeps.children -= 1
        return 0.0
    one_is_leaf = one.keeps.has_parent if leaves else not told.coin
    if one_is_leaf:
        return join(told, tables, one, other, not leaves)
    return -join(told, tables, other, one, not leaves)


def join(told: Any, tables: Tables, leaf: Side, centre: Side, is_elected: bool) -> float:
    """Link the leaf to the centre, and return what it sends there; `is_elected`: just now."""
    leaf.keeps.has_parent = 1
    if link(tables.links, leaf.at, centre.at):
        told.linked += 1
        leaf.keeps.children += 1
        centre.keeps.children += 1
    if told.knowledge == 2:
        return by_degree_J(told, leaf, centre)
    if not is_elected:
        return 0.0
    handed_over = 1.0 if told.knowledge == 0 else 0.5
    return bounded_J(leaf, centre, leaf.has.energy_J * handed_over)


def by_degree_J(told: Any, leaf: Side, centre: Side) -> float:
    """Return what the leaf sends to make energy(centre) = degree * energy(leaf) after the loss."""
    degree = centre.keeps.children
    missing_J = degree * leaf.has.energy_J - centre.has.energy_J
    if missing_J > 0:
        return bounded_J(leaf, centre, missing_J / (degree + 1 - told.beta))
    return bounded_J(leaf, centre, missing_J / (1 + degree * (1 - told.beta)))


class StarFormation(PairPolicy):
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
    rule = staticmethod(elect_and_share)
    flips_coins = True

    def __init__(self, knowledge: int = 2, beta: float = 0.2) -> None:
        super().__init__()
        if knowledge not in (0, 1, 2):
            raise InputError(f"knowledge must be 0, 1 or 2, not {knowledge!r}")
        self.knowledge, self.beta = knowledge, check_beta(beta)
        self.tables, self.linked = Tables(links=with_room()), 0
        self._place: dict[int, int] = {}  # links need small numbers, a trace's nodes have any

    def decide(
        self,
        encounter: Encounter,
        views: Mapping[int, AgentView],
        now_s: float,
        rng: np.random.Generator,
    ) -> Offer | None:
        if is_crowded(self.tables.links, self.linked):
            pairs = pairs_of(self.tables.links)
            self.tables, self.linked = Tables(links=with_room(pairs)), len(pairs)
        return super().decide(encounter, views, now_s, rng)

    def _side(self, agent: int, view: AgentView) -> Side:
        at = self._place.setdefault(agent, len(self._place))
        return super()._side(agent, view)._replace(at=at)

    @property
    def peripheral(self) -> set[int]:
        return {agent for agent, each in self.keeps.items() if each.has_parent}

    @property
    def edges(self) -> set[frozenset[int]]:
        agents = [*self._place]
        return {frozenset((agents[a], agents[b])) for a, b in pairs_of(self.tables.links)}

    def distance(self, energy_J: Mapping[int, float]) -> float:
        """Measure the distance to the nearest star, over all agents that are still centres.

        It is the total variation distance, 0 to 1, of the energies by agent.
        """
        energies_J = np.array(list(energy_J.values()))
        total_J, leaves = energies_J.sum(), self.peripheral
        centres = [place for place, agent in enumerate(energy_J) if agent not in leaves]
        if not centres or len(energies_J) == 1 or not total_J > 0:
            return imbalance(energies_J)
        return min_distance(energies_J / total_J, np.array(centres))


def min_distance(shares: NDArray[np.float64], centres: NDArray[np.int64]) -> float:
    """Return the least distance of the shares (n,) to a star around one of the centres (k,)."""
    off_leaf = np.abs(shares - 0.5 / (len(shares) - 1))
    off = off_leaf.sum() - off_leaf[centres] + np.abs(shares[centres] - 0.5)
    return float(off.min() / 2)


def star_shares(n: int, centre: int) -> list[float]:
    """Return the target shares (n,): half in the centre, the rest even over the leaves."""
    return [0.5 if agent == centre else 0.5 / (n - 1) for agent in range(n)]
