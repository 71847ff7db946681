# SPDX-License-Identifier: MIT
"""A queue of what is due, compiled: a heap with four children a node, one entry a slot.

A slot is what can be due at one time at most, so setting it again moves its entry, and nothing
stale is ever in the queue. Entries are sorted by time, then by the order of events of one
instant, then by `tie`.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crowdcharge.simulation.city.jit import jit


class Queue(NamedTuple):
    """`time_s` and `slot` are the heap; `place` (-1: not there), `order`, `tie` go by slot."""

    size: NDArray[np.int64]
    time_s: NDArray[np.float64]
    slot: NDArray[np.int32]
    place: NDArray[np.int32]
    order: NDArray[np.int8]
    tie: NDArray[np.int64]


def queue_of(slots: int) -> Queue:
    return Queue(
        np.zeros(1, np.int64),
        np.zeros(slots),
        np.zeros(slots, np.int32),
        np.full(slots, -1, np.int32),
        np.zeros(slots, np.int8),
        np.zeros(slots, np.int64),
    )


@jit
def before(queue: Any, time_s: Any, slot: Any, at: Any) -> Any:
    """Say whether this entry comes before the one at a place of the heap."""
    if time_s != queue.time_s[at]:
        return time_s < queue.time_s[at]
    other = queue.slot[at]
    if queue.order[slot] != queue.order[other]:
        return queue.order[slot] < queue.order[other]
    return queue.tie[slot] < queue.tie[other]


@jit
def move(queue: Any, from_: Any, to: Any) -> None:
    queue.time_s[to], queue.slot[to] = queue.time_s[from_], queue.slot[from_]
    queue.place[queue.slot[to]] = to


@jit
def sift(queue: Any, at: Any, time_s: Any, slot: Any) -> None:
    """Put an entry where it belongs, from a free place of the heap upwards or downwards."""
    while at > 0 and before(queue, time_s, slot, (at - 1) // 4):
        move(queue, (at - 1) // 4, at)
        at = (at - 1) // 4
    while 4 * at + 1 < queue.size[0]:
        least = 4 * at + 1
        for child in range(least + 1, min(least + 4, queue.size[0])):
            if before(queue, queue.time_s[child], queue.slot[child], least):
                least = child
        if before(queue, time_s, slot, least):
            break
        move(queue, least, at)
        at = least
    queue.time_s[at], queue.slot[at], queue.place[slot] = time_s, slot, at


@jit
def due(queue: Any, slot: Any, time_s: Any) -> None:
    """Have a slot be due at a time; at infinity, never."""
    if time_s == np.inf:
        remove(queue, slot)
        return
    at = queue.place[slot]
    if at < 0:
        at = queue.size[0]
        queue.size[0] += 1
    sift(queue, at, time_s, slot)


@jit
def remove(queue: Any, slot: Any) -> None:
    at = queue.place[slot]
    if at < 0:
        return
    queue.place[slot] = -1
    queue.size[0] -= 1
    last = queue.size[0]
    if at != last:
        sift(queue, at, queue.time_s[last], queue.slot[last])
