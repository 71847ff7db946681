# SPDX-License-Identifier: MIT
"""PURE: whose a proxy is that serves whoever asked last, if two hosts ask for it.

Who lost it takes it back, for most often the other is gone or never asks again. Who loses it
again soon leaves it alone, each time twice as long. So of two hosts that both do so one keeps it.
"""

from math import inf

LEAVE_FIRST_s, LEAVE_MAX_s = 60.0, 3600.0


class ProxyClaim:
    """One host's claim to one proxy; times are of any one clock."""

    def __init__(self) -> None:
        self.left_until_s = -inf
        self._leave_s = LEAVE_FIRST_s
        self._taken_s = -inf

    def taken(self, now_s: float) -> None:
        """Note that the proxy was taken, at the start or from somebody."""
        self._taken_s = now_s

    def lost(self, now_s: float) -> bool:
        """Note that another host has it; return whether to take it back, else it is left alone."""
        if now_s - self._taken_s > self._leave_s:
            self._leave_s = LEAVE_FIRST_s
            return True
        self.left_until_s = now_s + self._leave_s
        self._leave_s = min(2 * self._leave_s, LEAVE_MAX_s)
        return False
