# SPDX-License-Identifier: MIT
"""Markets for the tests."""

import numpy as np

from crowdcharge.market import Market


def random_market(rng, n, mode="charge", *, tight):
    """`tight` markets have bounds that bind and EVs that no price serves; the others have none."""
    sign = 1 if mode == "charge" else -1
    a = rng.uniform(0.1, 0.4, n)
    if tight:
        b = 30 - sign * rng.uniform(-0.5, 6, n)
        b[0] = 30 - sign
        return Market(a, b, rng.uniform(1, 8, n), rng.uniform(0.001, 0.1), 30.0, -2.0 * n, mode)
    b = 30 - sign * rng.uniform(0.9, 2.8, n)
    return Market(a, b, np.full(n, 15.0), 0.045 / n, 30.0, -14.0 * n, mode)
