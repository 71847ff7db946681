# SPDX-License-Identifier: MIT
"""PURE: contacts, the times at which two agents are near enough to exchange energy."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from crowdcharge.errors import InputError
from crowdcharge.simulation import schedule

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True, order=True)
class Contact:
    start_s: float
    end_s: float
    a: int
    b: int


# The same as a row, with the boards by their positions.
CONTACT = np.dtype([("start_s", "f8"), ("end_s", "f8"), ("a", np.int32), ("b", np.int32)])


def unknown_board(board_id: int) -> InputError:
    return InputError(f"a contact names board {board_id}, which is not there")


def from_slots(
    cycle: Sequence[Sequence[Pair]], slot_s: float, duration_s: float
) -> Iterator[Contact]:
    """Yield the contacts of a repeated cycle; slot k lasts from k to k + 1 times `slot_s`.

    A pair that is in two consecutive slots meets twice, once in each slot, as on boards. One slot
    ends at exactly the instant at which the next one begins.
    """
    for slot in range(int(duration_s // slot_s + 1)):
        start_s, end_s = slot * slot_s, min((slot + 1) * slot_s, duration_s)
        if start_s < duration_s:
            for a, b in cycle[slot % len(cycle)]:
                yield Contact(start_s, end_s, a, b)


def merged(sightings: Iterable[Contact], gap_s: float = 0.0) -> list[Contact]:
    """Join sightings of one pair that touch or lie at most `gap_s` apart, sorted by start."""
    open_: dict[Pair, Contact] = {}
    done: list[Contact] = []
    for seen in sorted(sightings):
        pair = (min(seen.a, seen.b), max(seen.a, seen.b))
        last = open_.get(pair)
        if last is not None and seen.start_s <= last.end_s + gap_s:
            open_[pair] = replace(last, end_s=max(last.end_s, seen.end_s))
            continue
        if last is not None:
            done.append(last)
        open_[pair] = replace(seen, a=pair[0], b=pair[1])
    return sorted([*done, *open_.values()])


def random_meetings(
    agents: Sequence[int],
    count: int,
    every_s: float,
    lasts_s: float,
    seed: int,
    matching: bool = False,
) -> Iterator[Contact]:
    """Yield `count` meetings: uniform pairs one at a time, or rounds that pair all agents up.

    They are the meetings of `simulate` with the same seed, in the same order; pairs begin
    `every_s` apart, the pairs of a round together.
    """
    n, made, index = len(agents), 0, 0
    while made < count:
        if matching:
            pairs = schedule.random_matching(n, seed, index)[: count - made]
        else:
            pairs = schedule.random_pairs(n, seed, made, min(count - made, 1 << 14))
        for k, (a, b) in enumerate(pairs.tolist()):
            number = index if matching else made + k
            start_s = number * every_s
            end_s = (number + 1) * every_s if lasts_s == every_s else start_s + lasts_s
            yield Contact(start_s, end_s, agents[a], agents[b])
        made += len(pairs)
        index += 1
