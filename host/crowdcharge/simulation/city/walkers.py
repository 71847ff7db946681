# SPDX-License-Identifier: MIT
"""PURE: the exact contacts of random-waypoint walkers, window after window, on all cores.

Every thread has its own walkers and takes every k-th block of windows. A contact is a function of
the two walks alone, so neither threads nor windows change a bit of it.
"""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from math import ceil, isqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crowdcharge.simulation import schedule
from crowdcharge.simulation.city import walk_kernels as kernels
from crowdcharge.simulation.contacts import CONTACT

SEEN = np.dtype(
    [
        ("x_m", "f8"), ("y_m", "f8"), ("vx", "f8"), ("vy", "f8"), ("reach_m", "f8"),
        ("walker", np.int32), ("cell", np.int32),
    ]
)  # fmt: skip
WALKS = 0x57414C4B53  # so that walks and meetings of one seed have nothing in common
BLOCK_STEPS = 1_000_000  # walkers times windows of one block, which waits whole in memory
BLOCK_WINDOWS = 64

Contacts = NDArray[Any]


class Walk(NamedTuple):
    """What the kernels need of a mobility model; the contacts end with the run, at `end_s`."""

    side_m: float
    slowest_m_per_s: float
    fastest_m_per_s: float
    pause_s: float
    range_m: float
    end_s: float


class Grid(NamedTuple):
    """What walkers are near the middle of a window, by cells; cells have a border all around."""

    cell_m: NDArray[np.float64]
    wide: NDArray[np.int64]
    first: NDArray[np.int32]
    unsorted: NDArray[Any]
    sorted: NDArray[Any]


class Watcher:
    """One thread's walkers, which only ever walk on."""

    def __init__(self, walk: Walk, n: int, seed: int, window_s: float) -> None:
        self._walk, self._stream = walk, schedule.stream(seed ^ WALKS)
        self._window_s = window_s
        self._steps = np.zeros(n, kernels.STEP)
        self._grid = grid_of(walk, n, window_s)
        self._found = np.zeros(1024, CONTACT)
        kernels.begin(walk, self._stream, self._steps)

    def contacts(self, first: int, last: int) -> Contacts:
        """Return the contacts that begin in windows first..last-1, by begin and then by pair."""
        found = np.concatenate([self._window(number) for number in range(first, last)])
        return found[np.lexsort((found["b"], found["a"], found["start_s"]))]

    def _window(self, number: int) -> Contacts:
        low_s = number * self._window_s
        high_s = min((number + 1) * self._window_s, self._walk.end_s)
        subject = (self._walk, self._stream, self._steps, self._grid)
        kernels.look(*subject, low_s, high_s)
        while (count := kernels.search(*subject, low_s, high_s, self._found)) > len(self._found):
            self._found = np.zeros(2 * count, CONTACT)
        return self._found[:count].copy()


def grid_of(walk: Walk, n: int, window_s: float) -> Grid:
    """Make cells that are as wide as two walkers can be apart and still meet in a window.

    There are not many more cells than walkers.
    """
    reach_m = (walk.range_m + walk.fastest_m_per_s * window_s) * (1 + 1e-6)
    cell_m = max(reach_m, walk.side_m / (isqrt(2 * n) + 1))
    wide = int(walk.side_m / cell_m) + 3
    return Grid(
        np.array([cell_m]),
        np.array([wide]),
        np.zeros(wide * wide + 2, np.int32),
        np.zeros(n, SEEN),
        np.zeros(n, SEEN),
    )


def walkers_contacts(
    walk: Walk, n: int, seed: int, window_s: float, threads: int | None = None
) -> Iterator[Contacts]:
    """Yield all contacts of walkers 0..n-1 until `walk.end_s`, block by block, in order.

    By default there is a thread for each core; the result is the same.
    """
    threads = threads or os.cpu_count() or 1
    windows = ceil(walk.end_s / window_s)
    size = max(1, min(BLOCK_WINDOWS, BLOCK_STEPS // n))
    starts = range(0, windows, size)
    threads = min(threads, max(1, len(starts)))
    with ThreadPoolExecutor(threads) as pool:
        watchers = list(pool.map(lambda _: Watcher(walk, n, seed, window_s), range(threads)))
        # Block k is asked of a watcher only when its block k - threads is there.
        asked = deque(
            pool.submit(watcher.contacts, start, min(start + size, windows))
            for watcher, start in zip(watchers, starts, strict=False)
        )
        for k in range(len(starts)):
            block = asked.popleft().result()
            if k + threads < len(starts):
                start = starts[k + threads]
                watcher = watchers[k % threads]
                asked.append(pool.submit(watcher.contacts, start, min(start + size, windows)))
            yield block
