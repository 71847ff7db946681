# SPDX-License-Identifier: MIT
"""PURE: P_ST and its weighted form, in which the richer agent sends a small quantum."""

from math import copysign
from typing import Any

from crowdcharge.errors import InputError
from crowdcharge.policy.pairwise import Weights, check_weights
from crowdcharge.policy.rule import PairPolicy, Side, Tables, bounded_J, fair_J


def small_share(told: Any, _tables: Tables, _now_s: float, one: Side, other: Side) -> float:
    sent_J = fair_J(one, other)
    return bounded_J(one, other, copysign(min(abs(sent_J), told.quantum_J), sent_J))


class SmallTransfer(PairPolicy):
    """P_ST: the richer agent sends `quantum_J`, but never more than P_OS would.

    The paper's rule (Nikoletseas, Raptis, Raptopoulos, ICDCS 2016) moves the quantum whenever the
    levels differ. Once they are within one quantum it swaps the roles for ever and burns what it
    moves, so the cap is ours.
    """

    name = "small-transfer"
    says = "The fuller of the two gives a small, fixed amount."
    rule = staticmethod(small_share)

    def __init__(self, quantum_J: float = 1.0, weights: Weights = None) -> None:
        super().__init__()
        if not quantum_J > 0:
            raise InputError(f"quantum_J must be positive, not {quantum_J!r}")
        self.quantum_J = quantum_J
        self.weights = check_weights(weights)
