# SPDX-License-Identifier: MIT
"""PURE: moving agents, and the contacts that follow from being near."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crowdcharge.errors import InputError
from crowdcharge.simulation.contacts import Contact
from crowdcharge.simulation.paths import Legs, legs_through, near_contacts

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RandomWaypoint:
    """Walkers that go to a uniform point at a uniform speed, pause, and go on.

    After Johnson and Maltz, 1996. The slowest speed must be positive, because with 0 the crowd
    slows down for ever. Contact times are exact; `step_s` only says how far apart the search for
    pairs looks, which changes its speed and no contact.
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

    def legs(self, n: int, duration_s: float, rng: np.random.Generator) -> Legs:
        """Draw the legs of agents 0..n-1 until all have walked or paused past the duration."""
        self.check()
        here, now_s = rng.uniform(0, self.side_m, (n, 2)), np.zeros(n)
        times, points = [now_s], [here]
        while now_s.min() <= duration_s:
            target = rng.uniform(0, self.side_m, (n, 2))
            speed = rng.uniform(self.slowest_m_per_s, self.fastest_m_per_s, n)
            arrives_s = now_s + np.hypot(*(target - here).T) / speed
            here, now_s = target, arrives_s + self.pause_s
            times += [arrives_s, now_s]
            points += [here, here]
        agent = np.repeat(np.arange(n), len(times))
        return legs_through(agent, np.ravel(times, "F"), np.swapaxes(points, 0, 1).reshape(-1, 2))

    def contacts(self, n: int, duration_s: float, rng: np.random.Generator) -> list[Contact]:
        """List the contacts of agents 0..n-1 that are within `range_m`."""
        legs = self.legs(n, duration_s, rng)
        return near_contacts(legs, self.range_m, duration_s, self.step_s)
