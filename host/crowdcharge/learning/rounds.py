# SPDX-License-Identifier: MIT
"""PURE: contacts as rounds, in which no board is twice, so that a round is decided at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crowdcharge.errors import InputError
from crowdcharge.simulation.contacts import Contact


@dataclass(frozen=True, slots=True)
class Round:
    """Meetings of different boards: `pairs` (k, 2) are their places, `start_s` (k,) the starts."""

    pairs: NDArray[np.int64]
    start_s: NDArray[np.float64]


def rounds_of(contacts: Iterable[Contact], place: Mapping[int, int]) -> list[Round]:
    """Cut contacts, which are in order, into the longest rounds that keep this order.

    `place` maps a board to its place; InputError if a contact names another. What a pair decides
    depends on the two alone, so deciding a round at once is the same as deciding its meetings one
    after the other.
    """
    rounds: list[Round] = []
    pairs: list[tuple[int, int]] = []
    starts_s: list[float] = []
    busy: set[int] = set()
    for contact in contacts:
        a, b = contact.a, contact.b
        if a in busy or b in busy:
            rounds.append(Round(np.array(pairs), np.array(starts_s)))
            pairs, starts_s, busy = [], [], set()
        try:
            pairs.append((place[a], place[b]))
        except KeyError as error:
            raise InputError(f"a contact names board {error}, which is not there") from None
        starts_s.append(contact.start_s)
        busy.add(a)
        busy.add(b)
    if pairs:
        rounds.append(Round(np.array(pairs), np.array(starts_s)))
    return rounds
