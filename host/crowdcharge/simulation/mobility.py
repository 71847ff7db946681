# SPDX-License-Identifier: MIT
"""PURE: moving agents, and the contacts that follow from being near."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any

from numpy.typing import NDArray

from crowdcharge.errors import InputError
from crowdcharge.simulation.contacts import Contact

LOOK_s = 60.0  # the longest; a contact waits in memory until its look is over


@dataclass(frozen=True, slots=True)
class RandomWaypoint:
    """Walkers that go to a uniform point at a uniform speed, pause, and go on.

    After Johnson and Maltz, 1996. The slowest speed must be positive, because with 0 the crowd
    slows down for ever. Contact times are exact; `step_s` only says how far apart the search for
    pairs looks, which changes its speed and no contact. By default that follows from the crowd.
    """

    side_m: float = 100.0
    slowest_m_per_s: float = 0.5
    fastest_m_per_s: float = 1.5
    pause_s: float = 60.0
    range_m: float = 1.0
    step_s: float | None = None

    def check(self) -> None:
        sizes = [self.side_m, self.slowest_m_per_s, self.range_m]
        if self.step_s is not None:
            sizes.append(self.step_s)
        slowest, fastest = self.slowest_m_per_s, self.fastest_m_per_s
        if min(sizes) <= 0 or self.pause_s < 0 or fastest < slowest:
            raise InputError("sizes, speeds and steps must be positive, fastest >= slowest")

    def window_s(self, n: int) -> float:
        """Return how far apart the search for pairs of n agents looks.

        An agent goes from one look to the next at most as far as a square is wide that holds four
        agents, for then a look costs about as much as the pairs it finds near each other.
        """
        if self.step_s is not None:
            return float(self.step_s)
        apart_m = 2 * self.side_m / sqrt(max(n, 1))
        return min(max(apart_m - self.range_m, self.range_m) / self.fastest_m_per_s, LOOK_s)

    def parts(
        self, n: int, duration_s: float, seed: int, threads: int | None = None
    ) -> Iterator[NDArray[Any]]:
        """Yield the contacts of agents 0..n-1 as rows of `CONTACT`, part by part, in order.

        Contacts are within `range_m` and end at the latest at `duration_s`. Needs numba.
        """
        from crowdcharge.simulation.city.walkers import (  # noqa: PLC0415 - an extra
            Walk,
            walkers_contacts,
        )

        self.check()
        sizes = (
            self.side_m, self.slowest_m_per_s, self.fastest_m_per_s, self.pause_s, self.range_m,
            duration_s,
        )  # fmt: skip
        walk = Walk(*map(float, sizes))  # the kernels are compiled for these alone
        return walkers_contacts(walk, n, seed, self.window_s(n), threads)

    def contacts(self, n: int, duration_s: float, seed: int) -> Iterator[Contact]:
        """Yield the contacts of agents 0..n-1 in order."""
        for part in self.parts(n, duration_s, seed):
            for row in part.tolist():
                yield Contact(*row)
