# SPDX-License-Identifier: MIT
"""PURE: P_OS and its weighted form P_OWS, in which any two agents that meet share."""

from typing import Any

from crowdcharge.policy.pairwise import Weights, check_weights
from crowdcharge.policy.rule import PairPolicy, Side, Tables, bounded_J, fair_J


def share(_told: Any, _tables: Tables, _now_s: float, one: Side, other: Side) -> float:
    return bounded_J(one, other, fair_J(one, other))


class ObliviousShare(PairPolicy):
    """P_OS and P_OWS: the richer agent (per weight) sends what would make both equal.

    The rule for transfers without loss is the papers' (Nikoletseas, Raptis, Raptopoulos, ICDCS
    2016 and Ad Hoc Networks 2017). That the same amount leaves the transmitter when part of it is
    lost is a reconstruction.
    """

    name = "oblivious-share"
    says = "The fuller of the two gives half of the difference."
    rule = staticmethod(share)

    def __init__(self, weights: Weights = None) -> None:
        super().__init__()
        self.weights = check_weights(weights)
