# SPDX-License-Identifier: MIT
"""Stores the journal's records, and keeps one that the flash has refused until it takes it."""

from wptcore.compat import const

_RETRY_ms = const(1000)
_FAILURES_MAX = const(3)


class Store:
    """`hal`: the port's Hal, whose `save` raises when the flash refuses."""

    def __init__(self, hal):
        self._hal = hal
        self._waiting = None  # the newest record that is not stored yet
        self._failures = 0
        self._since_ms = 0

    @property
    def waiting(self) -> bool:
        return self._waiting is not None

    @property
    def failing(self) -> bool:
        """Has the flash refused so often that a transfer could end without its receipt?"""
        return self._failures >= _FAILURES_MAX

    def step(self, saved, dt_ms: int) -> None:
        """Store `saved`, which takes the place of a record that waits; None: nothing new."""
        self._since_ms += dt_ms
        if saved is not None:
            self._waiting = saved
        if self._waiting is None or (self._failures and self._since_ms < _RETRY_ms):
            return
        self._since_ms = 0
        if self._hal.guard.attempt("storage", self._hal.save, self._waiting):
            self._waiting = None
            self._failures = 0
        else:
            self._failures += 1
