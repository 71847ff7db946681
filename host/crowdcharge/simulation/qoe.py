# SPDX-License-Identifier: MIT
"""PURE: the quality of experience of users: wishes, comfort, and one number, which is ours."""

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any

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


def wishes(socs: Iterable[Values], time_s: Values) -> tuple[int, int]:
    """Count the days on which boards were there, and those on which they were always ready.

    Each owner wishes, each day, never to fall below `READY_SOC`. Each of `socs` is (boards,), NaN
    while a board is away; a day is one since the start, the last may be shorter. A sample at the
    end of a run belongs to its last day.
    """
    last_day = max(0, int(np.ceil(time_s[-1] / DAY_s)) - 1)
    days = np.minimum(time_s // DAY_s, last_day)
    made = fulfilled = 0
    for _, samples in groupby(zip(days, socs, strict=True), key=itemgetter(0)):
        there: Any = False
        low: Any = False
        for _, soc in samples:
            there = there | ~np.isnan(soc)
            low = low | (soc < READY_SOC)
        made += int(np.sum(there))
        fulfilled += int(np.sum(there & ~low))
    return made, fulfilled
