# SPDX-License-Identifier: MIT
"""Finds a board that is overloaded twice within an hour: its transfers ended by heat or current.

The hour is running time, because a board without power has no clock; the count survives reboots.
"""

from wptcore import ept
from wptcore.compat import const

_HOUR_ms = const(3_600_000)


class Overloads:
    """`ends`: overloads within the hour, 0 or 1; `age_s`: running time since then, as saved."""

    def __init__(self, ends: int, age_s: int):
        self.ends = ends
        self._age_ms = age_s * 1000

    @property
    def age_s(self) -> int:
        return self._age_ms // 1000

    def elapse(self, dt_ms: int) -> None:
        if self.ends:
            self._age_ms += dt_ms
            if self._age_ms >= _HOUR_ms:
                self.ends = 0

    def repeated(self, code: int) -> bool:
        """Note why a transfer ended; True when it is the second overload within the hour."""
        if code != ept.OVER_TEMPERATURE and code != ept.OVER_CURRENT:
            return False
        second = self.ends > 0
        self.ends = 0 if second else 1
        self._age_ms = 0
        return second
