# SPDX-License-Identifier: MIT
"""PURE: masked consensus after Mo and Murray (IEEE TAC 62(2), 2017), as the lane paper uses it.

`privacy.exposure` decides what it hides. On a star it hides nothing from the lane, as
`privacy.recover_from_star` shows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from crowdcharge.market.consensus import ErrorBound, ratio_spread
from crowdcharge.market.graph import Weights
from crowdcharge.market.problem import Array

_CLIP = 4.0  # in standard deviations: a bound on the noise makes a bound on the error


@dataclass(frozen=True, slots=True)
class Masking:
    """`decay` (n,): each node's own alpha in (0, 1); `sigma` (m,): the noise of each column."""

    decay: Array
    sigma: Array

    @classmethod
    def draw(cls, values: Array, rng: np.random.Generator) -> "Masking":
        """Draw distinct decays, and noise as wide as the EVs' secrets (1 hides little)."""
        decay = rng.uniform(0.3, 0.9, len(values))
        return cls(decay, np.abs(values[1:]).max(axis=0))

    def left(self, rounds: int) -> Array:
        """Bound what the noise not yet taken back can add to the average, for each column (m,)."""
        return _CLIP * self.sigma * float(np.mean(self.decay ** max(rounds - 1, 0)))


@dataclass(frozen=True, slots=True)
class MaskedRound:
    sent: Array
    states: Array


def masked_rounds(
    weights: Weights, values: Array, masking: Masking, rng: np.random.Generator
) -> Iterator[MaskedRound]:
    """Yield x(k+1) = W (x(k) + w(k)) with w(k) = alpha^k v(k) - alpha^(k-1) v(k-1).

    This is (15) to (17) of the lane paper, with x_j where it prints x_i. The noises of a node add
    up to alpha^k v(k), which dies out, so the average is kept in the end.
    """
    x = values
    given = np.zeros_like(values)
    power = np.ones((len(values), 1))
    while True:
        noise = np.clip(rng.standard_normal(values.shape), -_CLIP, _CLIP) * masking.sigma
        total = power * noise
        sent = x + total - given
        given = total
        power = power * masking.decay[:, None]
        x = weights.apply(sent)
        yield MaskedRound(sent, x)


def masked_ratio_bound(masking: Masking) -> ErrorBound:
    """Extend `ratio_spread` by how far the noise that is left can move the ratio."""

    def bound(states: Array, rounds: int) -> float:
        left_c, left_s = map(float, masking.left(rounds))
        smallest = float(states[:, 1].min()) - left_s
        if rounds == 0 or smallest <= 0:
            return np.inf
        ratio = float(np.abs(states[:, 0] / states[:, 1]).max())
        return ratio_spread(states, rounds) + (left_c + ratio * left_s) / smallest

    return bound
