# SPDX-License-Identifier: MIT
"""PURE: the quality of experience of a user in one number, which is not a published formula."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
HEALTH, READINESS, CORDS = 0.5, 0.5, 0.1
READY_SOC = 0.3
DAY_s = 86_400.0


def quality_of_experience(
    capacity_loss: Values, seen: Values, ready: Values, sessions: Values, present_s: Values
) -> Values:
    """Compute 0.5 health + 0.5 time ready - 0.1 for each cord session a day, for each board.

    Health is the remaining capacity, ready means a state of charge of 30 % or more. Sessions are
    a rate, so that the same habit rates the same over a day and over a month. All are (boards,):
    `seen` is in how many samples a board was there, `ready` in how many of these it was ready;
    `present_s` is the time that it was there. Boards that never were are left out. Ojha, Raptis,
    Passarella and Conti (arXiv 2204.09311) define a QoE by battery life; their formula was not
    available, so this is a reconstruction of the idea.
    """
    was = seen > 0
    readiness = ready[was] / seen[was]
    days = present_s[was] / DAY_s
    a_day = np.divide(sessions[was], days, out=np.zeros(len(days)), where=days > 0)
    quality: Values = HEALTH * (1 - capacity_loss[was]) + READINESS * readiness - CORDS * a_day
    return quality
