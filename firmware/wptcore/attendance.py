# SPDX-License-Identifier: MIT
"""Tells whether a person is near, by presses of the board's button; and the owner's off.

A short press, or `attend` on the console, opens the attended window, in which the board may
carry more than UNATTENDED_MAX_mW. A press also shows for a minute that a person is there, who may
clear a fault. A long press is the owner's off, until the next long one.
"""

from wptcore.compat import const

UNATTENDED_MAX_mW = const(1000)
WINDOW_DEFAULT_s = const(1800)
WINDOW_MAX_s = const(86_400)
ALWAYS_s = const(-1)  # the owner has declared at the console that somebody is always near
LONG_PRESS_ms = const(5000)
_PRESENCE_ms = const(60_000)


class Attendance:
    """`window_s`: how long a window stays open, or ALWAYS_s; `off`: the owner's off, as saved."""

    def __init__(self, window_s: int, off: bool):
        self._always = window_s == ALWAYS_s
        self._window_ms = window_s * 1000
        self._left_ms = 0
        self._presence_ms = 0
        self.off = off

    def press(self, held_ms: int) -> bool:
        """Take a press of the button, once it is released; True when it changed `off`."""
        if held_ms < LONG_PRESS_ms:
            self._presence_ms = _PRESENCE_ms
            self.open_window()
            return False
        self.off = not self.off
        self._left_ms = 0
        self._presence_ms = 0
        return True

    def open_window(self) -> None:
        if not self.off:
            self._left_ms = self._window_ms

    def elapse(self, dt_ms: int) -> None:
        self._left_ms = max(self._left_ms - dt_ms, 0)
        self._presence_ms = max(self._presence_ms - dt_ms, 0)

    @property
    def person_present(self) -> bool:
        return self._presence_ms > 0

    @property
    def left_s(self) -> int:
        """The rest of the window, rounded up; WINDOW_MAX_s when it is always open."""
        return WINDOW_MAX_s if self._always else (self._left_ms + 999) // 1000

    def allows(self, power_mW: int) -> bool:
        return power_mW <= UNATTENDED_MAX_mW or self._always or self._left_ms > 0
