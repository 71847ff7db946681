# SPDX-License-Identifier: MIT
"""A queue of what is due, compiled: a heap with four children a node, one entry a slot.

A slot is what can be due at one time at most, so setting it again moves its entry, and nothing
stale is ever in the queue. Entries are sorted by time, then by the order of events of one
instant, then by `tie`.

Most of what a city waits for, levels above all, is hours away and put off often before it
comes. So only what is due before the horizon is in the heap. When it is empty, the horizon moves.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crowdcharge.simulation.city.jit import jit

AHEAD_s = 16.0


class Queue(NamedTuple):
    """One row of what the queue knows, the rows of the heap, and a row for each slot."""

    head: NDArray[Any]
    heap: NDArray[Any]
    slots: NDArray[Any]


HEAD = np.dtype([("size", np.int64), ("horizon_s", "f8")])
HEAP = np.dtype([("time_s", "f8"), ("slot", np.int64)])
# `place` is that in the heap, -1 for none.
SLOT = np.dtype([("due_s", "f8"), ("tie", np.int64), ("place", np.int32), ("order", np.int32)])


def queue_of(slots: int) -> Queue:
    queue = Queue(np.zeros(1, HEAD), np.zeros(slots, HEAP), np.zeros(slots, SLOT))
    queue.slots["due_s"], queue.slots["place"] = np.inf, -1
    return queue


@jit
def before(queue: Any, time_s: Any, slot: Any, at: Any) -> Any:
    """Say whether this entry comes before the one at a place of the heap."""
    if time_s != queue.heap[at].time_s:
        return time_s < queue.heap[at].time_s
    other = queue.heap[at].slot
    if queue.slots[slot].order != queue.slots[other].order:
        return queue.slots[slot].order < queue.slots[other].order
    return queue.slots[slot].tie < queue.slots[other].tie


@jit
def move(queue: Any, from_: Any, to: Any) -> None:
    queue.heap[to].time_s, queue.heap[to].slot = queue.heap[from_].time_s, queue.heap[from_].slot
    queue.slots[queue.heap[to].slot].place = to


@jit
def sift(queue: Any, at: Any, time_s: Any, slot: Any) -> None:
    """Put an entry where it belongs, from a free place of the heap upwards or downwards."""
    while at > 0 and before(queue, time_s, slot, (at - 1) // 4):
        move(queue, (at - 1) // 4, at)
        at = (at - 1) // 4
    while 4 * at + 1 < queue.head[0].size:
        least = 4 * at + 1
        for child in range(least + 1, min(least + 4, queue.head[0].size)):
            if before(queue, queue.heap[child].time_s, queue.heap[child].slot, least):
                least = child
        if before(queue, time_s, slot, least):
            break
        move(queue, least, at)
        at = least
    queue.heap[at].time_s, queue.heap[at].slot, queue.slots[slot].place = time_s, slot, at


@jit
def due(queue: Any, slot: Any, time_s: Any) -> None:
    """Have a slot be due at a time; at infinity, never."""
    queue.slots[slot].due_s = time_s
    at = queue.slots[slot].place
    if time_s < queue.head[0].horizon_s:
        if at < 0:
            at = queue.head[0].size
            queue.head[0].size += 1
        sift(queue, at, time_s, slot)
    elif at >= 0:
        take_out(queue, slot)


@jit
def remove(queue: Any, slot: Any) -> None:
    queue.slots[slot].due_s = np.inf
    if queue.slots[slot].place >= 0:
        take_out(queue, slot)


@jit
def take_out(queue: Any, slot: Any) -> None:
    at = queue.slots[slot].place
    queue.slots[slot].place = -1
    queue.head[0].size -= 1
    last = queue.head[0].size
    if at != last:
        sift(queue, at, queue.heap[last].time_s, queue.heap[last].slot)


@jit
def look_ahead(queue: Any) -> None:
    """Move the horizon of an empty heap to `AHEAD_s` after what is due next, and fill the heap."""
    next_s = np.inf
    for slot in range(len(queue.slots)):
        next_s = min(next_s, queue.slots[slot].due_s)
    queue.head[0].horizon_s = next_s + AHEAD_s
    if next_s < np.inf:
        for slot in range(len(queue.slots)):
            if queue.slots[slot].due_s < queue.head[0].horizon_s:
                due(queue, slot, queue.slots[slot].due_s)
