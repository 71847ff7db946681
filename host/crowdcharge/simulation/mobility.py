# SPDX-License-Identifier: MIT
"""PURE: moving agents, and the contacts that follow from being near."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crowdcharge.errors import InputError
from crowdcharge.simulation.contacts import Contact, merged

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RandomWaypoint:
    """Walkers that go to a uniform point at a uniform speed, pause, and go on.

    After Johnson and Maltz, 1996. The slowest speed must be positive, because with 0 the crowd
    slows down for ever.
    """

    side_m: float = 100.0
    slowest_m_per_s: float = 0.5
    fastest_m_per_s: float = 1.5
    pause_s: float = 60.0
    range_m: float = 1.0
    step_s: float = 5.0

    def check(self) -> None:
        sizes = (self.side_m, self.slowest_m_per_s, self.range_m, self.step_s)
        if min(sizes) <= 0 or self.pause_s < 0 or self.fastest_m_per_s < self.slowest_m_per_s:
            raise InputError("sizes, speeds and steps must be positive, fastest >= slowest")

    def positions(self, n: int, duration_s: float, rng: np.random.Generator) -> Iterator[Points]:
        """Yield positions (n, 2) in metres at 0, step_s, 2 step_s, ... up to the duration."""
        self.check()
        here, target = rng.uniform(0, self.side_m, (2, n, 2))
        speed = rng.uniform(self.slowest_m_per_s, self.fastest_m_per_s, n)
        rest_s = np.zeros(n)
        for _ in range(int(duration_s // self.step_s) + 1):
            yield here.copy()
            here, arrived = self.advanced(here, target, speed, rest_s)
            rest_s = np.maximum(rest_s - self.step_s, 0)
            count = int(arrived.sum())
            rest_s[arrived] = self.pause_s
            target[arrived] = rng.uniform(0, self.side_m, (count, 2))
            speed[arrived] = rng.uniform(self.slowest_m_per_s, self.fastest_m_per_s, count)

    def advanced(
        self, here: Points, target: Points, speed: Points, rest_s: Points
    ) -> tuple[Points, NDArray[np.bool_]]:
        """Return the positions a step later, and which agents arrive (until the next step)."""
        way = target - here
        far_m = np.hypot(*way.T)
        reach_m = np.where(rest_s > 0, 0.0, speed * self.step_s)
        arrived = (far_m <= reach_m) & (rest_s <= 0)
        part = np.where(arrived, 1.0, reach_m / np.maximum(far_m, 1e-12))
        return here + way * np.minimum(part, 1.0)[:, None], arrived

    def contacts(self, n: int, duration_s: float, rng: np.random.Generator) -> list[Contact]:
        """List the contacts of agents 0..n-1 that are within `range_m`, to a step."""
        from scipy.spatial import KDTree  # noqa: PLC0415 - belongs to an extra

        seen = []
        for k, points in enumerate(self.positions(n, duration_s, rng)):
            start_s = k * self.step_s
            end_s = min(start_s + self.step_s, duration_s)
            near = sorted(KDTree(points).query_pairs(self.range_m))
            seen += [Contact(start_s, end_s, int(a), int(b)) for a, b in near if end_s > start_s]
        return merged(seen)
