# SPDX-License-Identifier: MIT
"""PURE: what the compiled event simulator knows of policies, readable without a compiler."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crowdcharge.errors import InputError
from crowdcharge.policy import ObliviousShare, OnlineAverage, Policy, SmallTransfer
from crowdcharge.policy.pairwise import Weights
from crowdcharge.simulation.no_exchange import NoExchange

COMPILED = ("oblivious-share", "online-average", "small-transfer")


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A policy by its name and its numbers."""

    name: str
    weighting: Weights = None
    quantum_J: float = 0.0

    @property
    def never(self) -> bool:
        """Whether the policy never lets energy move, so that no contact matters."""
        return self.name == NoExchange.name

    def weights(
        self, ids: Sequence[int], capacity_J: NDArray[np.float64]
    ) -> NDArray[np.float64] | float:
        """Return the boards' weights (n,), or one for all; InputError if a table misses one."""
        table = self.weighting
        if not isinstance(table, Mapping):
            return capacity_J if table == "capacity" else 1.0
        missing = next((each for each in ids if each not in table), None)
        if missing is not None:
            raise InputError(f"agent {missing} has no weight; give one to every agent")
        return np.array([table[each] for each in ids])


def compiled_rule(policy: Policy) -> CompiledRule | None:
    """Describe a policy that has not decided yet; None if only its `decide` can say what it does.

    A subclass may decide otherwise, so it is not its parent.
    """
    if type(policy) is NoExchange:
        return CompiledRule(policy.name)
    if type(policy) not in (ObliviousShare, OnlineAverage, SmallTransfer):
        return None
    assert isinstance(policy, ObliviousShare | OnlineAverage | SmallTransfer)
    quantum_J = policy.quantum_J if isinstance(policy, SmallTransfer) else 0.0
    return CompiledRule(policy.name, policy.weights, quantum_J)
