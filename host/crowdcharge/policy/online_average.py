# SPDX-License-Identifier: MIT
"""PURE: P_OA and its weighted form, which share only across an estimate of the average."""

from typing import Any

from crowdcharge.policy.levels_met import add_level
from crowdcharge.policy.pairwise import Weights, check_weights
from crowdcharge.policy.rule import Keeps, PairPolicy, Side, Tables, bounded_J, fair_J


def across_average(_told: Any, _tables: Tables, _now_s: float, one: Side, other: Side) -> float:
    level = one.has.energy_J / one.has.weight
    others = other.has.energy_J / other.has.weight
    one_above = above(one.keeps, level, others)
    other_above = above(other.keeps, others, level)
    if one_above == other_above:
        return 0.0
    return bounded_J(one, other, fair_J(one, other))


def above(keeps: Keeps, own: float, other: float) -> bool:
    """Add the other's level to the average; true if the agent is then above it."""
    add_level(keeps, own, other)
    return own * keeps.met > keeps.total


class OnlineAverage(PairPolicy):
    """P_OA: share as P_OS does, but only if exactly one of the two is above its own average.

    After Nikoletseas, Raptis, Raptopoulos, ICDCS 2016. Each agent averages the levels it has met;
    a level is energy per weight. Two details are reconstructions: an agent's own level at its
    first meeting is its first sample, and both agents add the other's level before they compare.
    """

    name = "online-average"
    says = "Who is above the average of all it has met gives to who is below its own."
    rule = staticmethod(across_average)

    def __init__(self, weights: Weights = None) -> None:
        super().__init__()
        self.weights = check_weights(weights)
