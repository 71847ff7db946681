# SPDX-License-Identifier: MIT
"""PURE: paths made of straight legs, and the exact times at which two of them are near.

Windows of time only find the pairs that can meet; when they do is the root of a quadratic for
each pair of legs, so the windows' length changes the work and not the answer.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crowdcharge.errors import InputError
from crowdcharge.simulation.contacts import Contact, merged

Values = NDArray[np.float64]
Numbers = NDArray[np.int64]

ROUNDING_s = 1e-9  # two legs of one contact may miss each other by so much at their joint
PAIRS_MAX = 20_000_000  # candidates of one window


class Legs(NamedTuple):
    """Legs (k,) of agents: from `start_m` (k, 2) at `start_s` with `speed_m_per_s` (k, 2).

    An agent is nowhere outside its legs, and its legs do not overlap in time.
    """

    agent: Numbers
    start_s: Values
    end_s: Values
    start_m: Values
    speed_m_per_s: Values

    def of(self, which: Numbers) -> "Legs":
        return Legs(
            self.agent[which],
            self.start_s[which],
            self.end_s[which],
            self.start_m[which],
            self.speed_m_per_s[which],
        )

    def at(self, time_s: Values) -> Values:
        """Return where each leg's agent is at its own time (k,)."""
        return self.start_m + self.speed_m_per_s * (time_s - self.start_s)[:, None]


def legs_through(agent: Numbers, time_s: Values, point_m: Values) -> Legs:
    """Make the legs between points (k, 2) that are sorted by agent and then by time."""
    same = (agent[1:] == agent[:-1]) & (time_s[1:] > time_s[:-1])
    first = np.flatnonzero(same)
    lasts_s = time_s[first + 1] - time_s[first]
    speed = (point_m[first + 1] - point_m[first]) / lasts_s[:, None]
    return Legs(agent[first], time_s[first], time_s[first + 1], point_m[first], speed)


def near_contacts(legs: Legs, range_m: float, end_s: float, window_s: float) -> list[Contact]:
    """List the contacts of agents that are within `range_m`, up to `end_s`, sorted by start."""
    seen: list[Contact] = []
    for here in windows(legs, end_s, window_s):
        a, b = candidates(here, range_m)
        seen += meetings(here.of(a), here.of(b), range_m)
    return merged(seen, ROUNDING_s)


def windows(legs: Legs, end_s: float, window_s: float) -> Iterator[Legs]:
    """Yield the legs of each window of time, cut to the window."""
    order = np.argsort(legs.start_s, kind="stable")
    begun, active = 0, np.empty(0, np.int64)
    for number in range(int(end_s // window_s) + 1):
        low_s, high_s = number * window_s, min((number + 1) * window_s, end_s)
        now = int(np.searchsorted(legs.start_s[order], high_s))
        active = np.concatenate([active[legs.end_s[active] > low_s], order[begun:now]])
        begun = now
        if high_s > low_s and len(active):
            here = legs.of(active)
            start_s, stop_s = np.maximum(here.start_s, low_s), np.minimum(here.end_s, high_s)
            yield here._replace(start_s=start_s, end_s=stop_s, start_m=here.at(start_s))


def candidates(legs: Legs, range_m: float) -> tuple[Numbers, Numbers]:
    """Find the pairs of legs whose middles are near enough for them to meet at all."""
    from scipy.spatial import KDTree  # noqa: PLC0415 - belongs to an extra

    lasts_s = legs.end_s - legs.start_s
    reach_m = np.hypot(*legs.speed_m_per_s.T) * lasts_s / 2
    tree = KDTree(legs.at(legs.start_s + lasts_s / 2))
    radius_m = (range_m + 2 * float(reach_m.max())) * (1 + 1e-9)
    if tree.count_neighbors(tree, radius_m) > 2 * PAIRS_MAX:
        raise InputError("too many agents are near each other: take a shorter range or step")
    a, b = np.sort(tree.query_pairs(radius_m, output_type="ndarray"), axis=1).T
    different = legs.agent[a] != legs.agent[b]
    return a[different], b[different]


def meetings(a: Legs, b: Legs, range_m: float) -> Iterator[Contact]:
    """Yield when legs a[k] and b[k] are within the range: |d + v t|**2 <= range**2."""
    start_s, end_s = np.maximum(a.start_s, b.start_s), np.minimum(a.end_s, b.end_s)
    d, v = b.at(start_s) - a.at(start_s), b.speed_m_per_s - a.speed_m_per_s
    square, middle, over = (v * v).sum(1), (d * v).sum(1), (d * d).sum(1) - range_m**2
    still = square == 0
    root = np.sqrt(np.maximum(middle**2 - square * over, 0.0))
    never = np.where(still, over > 0, middle**2 < square * over)
    safe = np.where(still, 1.0, square)
    enter_s = np.where(still, -np.inf, start_s + (-middle - root) / safe)
    leave_s = np.where(still, np.inf, start_s + (-middle + root) / safe)
    first_s, last_s = np.maximum(enter_s, start_s), np.minimum(leave_s, end_s)
    for k in np.flatnonzero(~never & (last_s > first_s)):
        pair = sorted((int(a.agent[k]), int(b.agent[k])))
        yield Contact(float(first_s[k]), float(last_s[k]), pair[0], pair[1])
