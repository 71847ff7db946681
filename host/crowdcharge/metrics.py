# SPDX-License-Identifier: MIT
"""How well a crowd is balanced: total variation distance, Jain's index, balancing time."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def imbalance(energy_J: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Total variation distance between the energy distribution and the weights' (uniform).

    0 = balanced, towards 1 = one agent has all. After Nikoletseas, Raptis, Raptopoulos, 2016.
    An empty crowd, or one without energy, counts as balanced.
    """
    energy = np.asarray(energy_J, np.float64)
    total = energy.sum()
    if total <= 0:
        return 0.0
    if weights is None:
        share: NDArray[np.float64] | float = 1 / len(energy)
    else:
        share = np.asarray(weights, np.float64) / np.sum(weights)
    return float(np.abs(energy / total - share).sum() / 2)


def jain_index(values: ArrayLike) -> float:
    """(sum x)**2 / (n sum x**2): 1 = all equal, 1/n = one has all (Jain, Chiu, Hawe, 1984)."""
    x = np.asarray(values, np.float64)
    squares = float(len(x) * (x @ x))
    return float(x.sum()) ** 2 / squares if squares > 0 else 1.0


def balancing_time(times: ArrayLike, imbalances: ArrayLike, threshold: float) -> float | None:
    """Return the first time from which the imbalance stays at or below the threshold, or None."""
    late = np.flatnonzero(np.asarray(imbalances) > threshold)
    times = np.asarray(times)
    first = 0 if late.size == 0 else int(late[-1]) + 1
    return float(times[first]) if first < len(times) else None
