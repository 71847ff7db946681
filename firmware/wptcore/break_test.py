# SPDX-License-Identifier: MIT
"""Shows each of the two breaks in the transmitter's supply alone, at every transfer.

At its start the first break closes and the second gets no pulses yet: power that flows then passes
a second break that sticks. At its end the first opens while the second still holds: power that
flows then passes a first break that sticks. Checks turns either into STUCK_SWITCH.
"""

from wptcore.compat import const

ALONE_ms = const(100)  # some samples long, and longer than a module's first ping
HOLD_MAX_ms = const(500)  # the second break has let go so long after its last pulse


class BreakTest:
    """`elapse` once a pass; `pulses` says whether the second break may be fed."""

    def __init__(self):
        self._alone_ms = -1  # how long the first break has been closed; -1: it is open
        self._rest_ms = 0  # how long it has been open

    def elapse(self, coil_on: bool, dt_ms: int) -> None:
        if not coil_on:
            self._rest_ms = 0 if self._alone_ms >= 0 else min(self._rest_ms + dt_ms, HOLD_MAX_ms)
            self._alone_ms = -1
        elif self._alone_ms < 0:
            self._alone_ms = 0
        else:
            self._alone_ms = min(self._alone_ms + dt_ms, ALONE_ms)

    @property
    def pulses(self) -> bool:
        """Is the test of the second break over? There is none while it may still hold."""
        return self._rest_ms < HOLD_MAX_ms or self._alone_ms >= ALONE_ms

    @property
    def watches(self) -> bool:
        """May the second break still hold, so that a first one that sticks shows?"""
        return self._alone_ms >= 0 or self._rest_ms < HOLD_MAX_ms
