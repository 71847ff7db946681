# SPDX-License-Identifier: MIT
"""PURE: name the policies that the compiled engine knows, and what it needs of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crowdcharge.errors import InputError
from crowdcharge.policy import ObliviousShare, OnlineAverage, Policy, SmallTransfer
from crowdcharge.policy.pairwise import weight_in

# An agent is one row; TOTAL sums the levels (energy per weight) of the MET agents, itself first.
COLUMNS = 4
ENERGY, TOTAL, MET, WEIGHT = range(COLUMNS)


@dataclass(frozen=True, slots=True)
class Rule:
    """A pairwise protocol as three switches over the weighted share."""

    quantum_J: float | None = None
    gated: bool = False
    weights: NDArray[np.float64] | None = None

    @property
    def weighted(self) -> bool:
        return self.weights is not None


def rule_of(policy: Policy, n: int) -> Rule | None:
    """Describe the policy as a Rule; None if only its `decide` can say what it does.

    InputError if its weights do not fit agents 0..n-1.
    """
    if type(policy) not in (ObliviousShare, OnlineAverage, SmallTransfer):
        return None
    assert isinstance(policy, ObliviousShare | OnlineAverage | SmallTransfer)
    if isinstance(policy.weights, str):
        raise InputError('weights = "capacity" needs capacities; simulate() gives agents none')
    table = policy.weights
    weights = None if table is None else np.array([weight_in(table, each) for each in range(n)])
    return Rule(
        quantum_J=policy.quantum_J if isinstance(policy, SmallTransfer) else None,
        gated=isinstance(policy, OnlineAverage),
        weights=weights,
    )
