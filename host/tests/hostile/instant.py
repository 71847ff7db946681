# SPDX-License-Identifier: MIT
"""An instant of a board on a bench, and how much of its own time a board has had since another."""

from typing import NamedTuple


class Instant(NamedTuple):
    """`waited_s`: how long the machine had kept the board waiting until then, in bench time."""

    time_s: float
    waited_s: float

    def after_ms(self, other: "Instant") -> float:
        """Return how much of its own time the board had in between.

        A board's processor is its own; on a busy machine its VM waits for one, and its clock does
        not. The kernel says how long.
        """
        waited_s = max(self.waited_s - other.waited_s, 0.0)
        return (self.time_s - other.time_s - waited_s) * 1000
