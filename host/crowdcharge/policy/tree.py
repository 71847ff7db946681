# SPDX-License-Identifier: MIT
"""PURE: tree formation, in which the crowd grows a tree and halves the energy at each level."""

from collections.abc import Mapping
from typing import Any

from crowdcharge.errors import InputError
from crowdcharge.metrics import imbalance
from crowdcharge.policy.loss_aware import check_beta
from crowdcharge.policy.pairwise import share_J
from crowdcharge.policy.rule import PairPolicy, Side, Tables, bounded_J


def grow_and_share(told: Any, _tables: Tables, _now_s: float, one: Side, other: Side) -> float:
    if told.coin:  # the two are alike, so chance says who is the parent
        return -halve_by_level(told, other, one)
    return halve_by_level(told, one, other)


def halve_by_level(told: Any, a: Side, b: Side) -> float:
    """Return what a sends to b."""
    grow(told, a, b)
    if is_child(a, b):
        return -share_down(told, b, a)
    return share_down(told, a, b)


def share_down(told: Any, a: Side, b: Side) -> float:
    """Return what a sends to b, where a may be the parent of b, but not the other way around."""
    related = is_child(b, a)
    if related:
        b.keeps.depth = a.keeps.depth + 1
    if told.knowledge == 2:
        return share_by_depth(told, a, b)
    if told.knowledge == 1 and not related:
        return 0.0
    if not related and a.has.energy_J < b.has.energy_J:
        return -trade(told, b, a)
    return trade(told, a, b)


def is_child(child: Side, parent: Side) -> bool:
    return bool(child.keeps.has_parent) and child.keeps.parent == parent.at


def grow(told: Any, a: Side, b: Side) -> None:
    """Add the edge that this meeting allows, if any."""
    if not told.arity:
        if not (a.keeps.has_parent or b.keeps.has_parent):
            adopt(a, b)
        return
    if not told.has_seed:
        told.has_seed, a.keeps.is_inside = 1, 1
    if a.keeps.is_inside != b.keeps.is_inside:
        parent, child = (a, b) if a.keeps.is_inside else (b, a)
        if parent.keeps.children < told.arity:
            adopt(parent, child)


def adopt(parent: Side, child: Side) -> None:
    child.keeps.has_parent, child.keeps.parent, child.keeps.is_inside = 1, parent.at, 1
    parent.keeps.children += 1


def trade(told: Any, parent: Side, child: Side) -> float:
    """Return what the parent sends to make energy(parent) = 2 * energy(child) after the loss."""
    missing_J = 2 * child.has.energy_J - parent.has.energy_J
    if missing_J > 0:
        return bounded_J(parent, child, -missing_J / (3 - told.beta))
    return bounded_J(parent, child, -missing_J / (3 - 2 * told.beta))


def share_by_depth(told: Any, a: Side, b: Side) -> float:
    if told.arity and not (a.keeps.is_inside and b.keeps.is_inside):
        return 0.0
    least = min(a.keeps.depth, b.keeps.depth)  # deep ones both have a weight of 0 in a float
    weight_a, weight_b = 0.5 ** (a.keeps.depth - least), 0.5 ** (b.keeps.depth - least)
    return bounded_J(a, b, share_J(a.has.energy_J, b.has.energy_J, weight_a, weight_b))


class TreeFormation(PairPolicy):
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
    rule = staticmethod(grow_and_share)
    flips_coins = True

    def __init__(self, knowledge: int = 2, arity: int | None = None, beta: float = 0.2) -> None:
        super().__init__()
        if knowledge not in (0, 1, 2):
            raise InputError(f"knowledge must be 0, 1 or 2, not {knowledge!r}")
        if arity is not None and arity < 2:
            raise InputError(f"arity must be at least 2, not {arity!r}")
        self.knowledge, self.arity, self.beta = knowledge, arity or 0, check_beta(beta)
        self.has_seed = 0

    @property
    def parent(self) -> dict[int, int]:
        return {agent: each.parent for agent, each in self.keeps.items() if each.has_parent}

    def distance(self, energy_J: Mapping[int, float]) -> float:
        """Measure the total variation distance, 0 to 1, to half the energy at each level down."""
        place = {agent: at for at, agent in enumerate(energy_J)}
        parent = {
            place[child]: place[parent]
            for child, parent in self.parent.items()
            if child in place and parent in place
        }
        return imbalance(list(energy_J.values()), tree_shares(parent, len(place)))


def tree_shares(parent: Mapping[int, int], n: int) -> list[float]:
    """Return the target shares (n,) by true depth: every level has half of the one above."""

    depths: dict[int, int] = {}
    for agent in range(n):
        above, at = [], agent
        while at in parent and at not in depths:
            above.append(at)
            at = parent[at]
        depth = depths.setdefault(at, 0)
        for child in reversed(above):
            depth += 1
            depths[child] = depth
    weights = [0.5 ** depths[agent] for agent in range(n)]
    total = sum(weights)
    return [weight / total for weight in weights]
