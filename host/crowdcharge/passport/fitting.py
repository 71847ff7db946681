# SPDX-License-Identifier: MIT
"""PURE: least squares that leave out what does not belong, and what all meters have in common.

What a meter as it was made may be off is taken in full, 2.5 % (docs/explanation/plant.md, "as
built"): it is the same in every transfer, and no mean takes it away. It comes of INA219's gain of
0.5 % and bus gain of 1 % (TI SBOS448G) and of a shunt of 1 %. Such limits and the scatter are
added up, not combined in quadrature, as each of them may be reached.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COVERAGE = 2.0  # about 95 %
SHUNT_Ohm = 0.1  # every kit's, see docs/howto/kit.md
GAINS = 0.025
SHUNT_HALF_Ohm = 0.001
RECENT_s = 183 * 86_400.0  # what is older says less about the battery of today
DRIFTS_FROM_s = 60 * 86_400.0  # in less than that, ageing does not show

Array = NDArray[np.float64]
_OUTLIER_SIGMAS = 5.0
_SIGMA_PER_MAD = 1.4826


@dataclass(frozen=True, slots=True)
class Fit:
    """`half[k]` is half the 95 % interval of `values[k]`, from the residuals alone."""

    values: Array
    half: Array
    used: int
    left_out: int


def fit(columns: Array, wanted: Array) -> Fit | None:
    """Fit `wanted` by the columns, twice: the second time without the outliers of the first.

    None if the columns do not determine the values.
    """
    kept = np.ones(len(wanted), dtype=bool)
    if not _determined(columns):
        return None
    values = _solved(columns, wanted)
    off = np.abs(wanted - columns @ values)
    sigma = _SIGMA_PER_MAD * float(np.median(off))
    if sigma > 0:
        kept = off <= _OUTLIER_SIGMAS * sigma
    if not _determined(columns[kept]):
        kept[:] = True
    values = _solved(columns[kept], wanted[kept])
    left = wanted[kept] - columns[kept] @ values
    free = len(left) - columns.shape[1]
    scatter = float(left @ left) / free
    spread = scatter * np.linalg.inv(columns[kept].T @ columns[kept])
    half = COVERAGE * np.sqrt(np.diag(spread))
    return Fit(values, half, int(kept.sum()), int((~kept).sum()))


def _determined(columns: Array) -> bool:
    rows, count = columns.shape
    return bool(rows > 2 * count and np.linalg.matrix_rank(columns) == count)


def _solved(columns: Array, wanted: Array) -> Array:
    return np.asarray(np.linalg.lstsq(columns, wanted, rcond=None)[0], dtype=np.float64)


def ages(times_s: Array, end_s: float) -> Array | None:
    """Return times in half years before the end, at most 0; None if they span too little."""
    if not len(times_s) or np.ptp(times_s) < DRIFTS_FROM_s:
        return None
    since: Array = (times_s - end_s) / RECENT_s
    return since
