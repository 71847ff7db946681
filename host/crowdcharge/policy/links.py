# SPDX-License-Identifier: MIT
"""PURE: a set of pairs in one array, which rules read and change in both worlds.

It is open addressing with linear probing: a pair lies at the first entry from its own place on
that was free when it came. What was removed still takes its entry until there is more room.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdcharge.policy.social import AGENTS_MAX, tie

Links = NDArray[np.int64]
FREE, GONE = 0, -1  # no pair of two different agents is either
ROOM_MIN = 1024  # entries; every room is a power of two


def entry_of(links: Any, low: int, high: int) -> int:
    """Return where the pair lies, or the free entry where it would; `low` is below `high`."""
    last = len(links) - 1
    at = (low * 104_729 + high * 7919) & last
    while links[at] != FREE and links[at] != tie(low, high):
        at = (at + 1) & last
    return at


def link(links: Any, a: int, b: int) -> bool:
    """Add the pair; False if it is there. The caller counts, for `is_crowded`."""
    low, high = min(a, b), max(a, b)
    at = entry_of(links, low, high)
    is_new: bool = links[at] == FREE
    links[at] = tie(low, high)
    return is_new


def unlink(links: Any, a: int, b: int) -> bool:
    """Remove the pair; False if it is not there."""
    at = entry_of(links, min(a, b), max(a, b))
    was_there: bool = links[at] != FREE
    if was_there:
        links[at] = GONE
    return was_there


def is_crowded(links: Any, linked: float) -> bool:
    """Tell whether so many that were added leave less than half of the entries free."""
    return 2 * linked > len(links)


def with_room(pairs: Sequence[tuple[int, int]] = ()) -> Links:
    """Return a set of these pairs, at most a quarter full."""
    links = np.zeros(max(ROOM_MIN, 1 << (4 * len(pairs)).bit_length()), np.int64)
    for pair in pairs:
        link(links, *pair)
    return links


def pairs_of(links: Links) -> list[tuple[int, int]]:
    """Return the pairs, the lower agent first, in no order."""
    ties = links[links > FREE]
    return list(zip(*(each.tolist() for each in divmod(ties, AGENTS_MAX)), strict=True))
