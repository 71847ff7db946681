# SPDX-License-Identifier: MIT
"""PURE: the quality of experience of a user in one number, which is not a published formula."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
HEALTH, READINESS, CORDS = 0.5, 0.5, 0.1
READY_SOC = 0.3


def quality_of_experience(capacity_loss: Values, soc: Values, sessions: Values) -> Values:
    """Compute 0.5 health + 0.5 time ready - 0.1 for each cord session, one value for each board.

    Health is the remaining capacity, ready means a state of charge of 30 % or more. Ojha, Raptis,
    Passarella and Conti (arXiv 2204.09311) define a QoE by battery life; their formula was not
    available, so this is a reconstruction of the idea. `soc` is (samples, boards).
    """
    ready = (soc >= READY_SOC).mean(axis=0)
    quality: Values = HEALTH * (1 - capacity_loss) + READINESS * ready - CORDS * sessions
    return quality
