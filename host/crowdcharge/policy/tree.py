# SPDX-License-Identifier: MIT
"""PURE: tree formation, in which the crowd grows a tree and halves the energy at each level."""

from collections.abc import Mapping

import numpy as np

from crowdcharge.errors import InputError
from crowdcharge.metrics import imbalance
from crowdcharge.policy.base import AgentView, Encounter, Offer
from crowdcharge.policy.loss_aware import check_beta
from crowdcharge.policy.pairwise import offer, share_J


class TreeFormation:
    """Tree formation with rules reconstructed after Madhja et al.

    After Madhja, Nikoletseas, Voudouris, MobiWac 2018 (arXiv 1805.08755). Without `arity` every
    agent starts as a root, and when two roots meet, one becomes the other's child. With `arity` k
    the first agent to meet another is the seed, and an agent in the tree with fewer than k
    children adopts any agent outside it.

    The aim is energy(parent) = 2 * energy(child). With knowledge 0 any two that meet trade, the
    richer as the parent. With 1 only parent and child trade. With 2 agents know their depth and
    share by 2**-depth; a child learns its depth anew whenever it meets its parent.
    """

    name = "tree"
    says = "Every parent in the tree keeps twice the energy of its child."

    def __init__(self, knowledge: int = 2, arity: int | None = None, beta: float = 0.2) -> None:
        if knowledge not in (0, 1, 2):
            raise InputError(f"knowledge must be 0, 1 or 2, not {knowledge!r}")
        if arity is not None and arity < 2:
            raise InputError(f"arity must be at least 2, not {arity!r}")
        self.knowledge, self.arity, self.beta = knowledge, arity, check_beta(beta)
        self.parent: dict[int, int] = {}
        self.depth: dict[int, int] = {}
        self._children: dict[int, int] = {}
        self._seed: int | None = None

    def decide(
        self,
        encounter: Encounter,
        views: Mapping[int, AgentView],
        now_s: float,
        rng: np.random.Generator,
    ) -> Offer | None:
        a, b = encounter.a, encounter.b
        if rng.integers(2):
            a, b = b, a
        self._grow(a, b)
        if self.parent.get(a) == b:
            a, b = b, a
        related = self.parent.get(b) == a
        if related:
            self.depth[b] = self.depth.get(a, 0) + 1
        if self.knowledge == 2:
            return self._share_by_depth(a, b, views)
        if self.knowledge == 1 and not related:
            return None
        if not related and views[a].energy_J < views[b].energy_J:
            a, b = b, a
        return self._trade(a, b, views)

    def distance(self, energy_J: Mapping[int, float]) -> float:
        """Measure the total variation distance, 0 to 1, to half the energy at each level down."""
        place = {agent: at for at, agent in enumerate(energy_J)}
        parent = {
            place[child]: place[parent]
            for child, parent in self.parent.items()
            if child in place and parent in place
        }
        return imbalance(list(energy_J.values()), tree_shares(parent, len(place)))

    def _grow(self, a: int, b: int) -> None:
        """Add the edge that this meeting allows, if any."""
        if self.arity is None:
            if a not in self.parent and b not in self.parent:
                self._adopt(a, b)
            return
        if self._seed is None:
            self._seed = a
        for one, other in ((a, b), (b, a)):
            if self._inside(one) and not self._inside(other):
                if self._children.get(one, 0) < self.arity:
                    self._adopt(one, other)
                return

    def _inside(self, agent: int) -> bool:
        return agent in self.parent or agent == self._seed

    def _adopt(self, parent: int, child: int) -> None:
        self.parent[child] = parent
        self._children[parent] = self._children.get(parent, 0) + 1

    def _trade(self, parent: int, child: int, views: Mapping[int, AgentView]) -> Offer | None:
        """Offer what makes energy(parent) = 2 * energy(child) after the loss."""
        missing_J = 2 * views[child].energy_J - views[parent].energy_J
        if missing_J > 0:
            return offer(Encounter(child, parent), missing_J / (3 - self.beta), views)
        return offer(Encounter(parent, child), -missing_J / (3 - 2 * self.beta), views)

    def _share_by_depth(self, a: int, b: int, views: Mapping[int, AgentView]) -> Offer | None:
        if self.arity is not None and not (self._inside(a) and self._inside(b)):
            return None
        weight_a, weight_b = 0.5 ** self.depth.get(a, 0), 0.5 ** self.depth.get(b, 0)
        sent_J = share_J(views[a].energy_J, views[b].energy_J, weight_a, weight_b)
        return offer(Encounter(a, b), sent_J, views)


def tree_shares(parent: Mapping[int, int], n: int) -> list[float]:
    """Return the target shares (n,) by true depth: every level has half of the one above."""

    def depth(agent: int) -> int:
        return 1 + depth(parent[agent]) if agent in parent else 0

    weights = [0.5 ** depth(agent) for agent in range(n)]
    return [weight / sum(weights) for weight in weights]
