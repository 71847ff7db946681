# SPDX-License-Identifier: MIT
"""PURE: what a place that keeps a ledger's rows can do, and how one catches up with another."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol

from crowdcharge.errors import InputError
from crowdcharge.ledger.place import Place
from crowdcharge.ledger.rows import FIRST_HASH, Row, unbroken

_BATCH_ROWS = 500


class Keeping(Protocol):
    """Rows by number, in a file or in a database."""

    @property
    def place(self) -> Place: ...

    def length(self) -> int:
        """Return the number of the newest row, 0 without any."""

    def rows(self, after: int = 0, most: int = -1) -> Iterator[Row]:
        """Return the rows in order; see `Store.rows`."""

    def insert(self, rows: Sequence[Row]) -> None:
        """Write all of them or none; LedgerError unless they follow the newest row."""

    def damage(self) -> str | None:
        """Return what is wrong with the place itself, or None."""

    def back_up(self, path: Path) -> None:
        """Write a whole copy into a new file."""

    def close(self) -> None: ...


def catch_up(source: Keeping, target: Keeping) -> int:
    """Write the rows that `target` lacks, in order; return how many.

    InputError, and nothing is written, if they are no beginnings of one chain. What another
    process has written meanwhile is never written twice: number and hash decide.
    """
    last = _last_shared(source, target)
    after, previous = (last.seq, last.hash) if last else (0, FIRST_HASH)
    missing = unbroken(source.rows(after), previous, source.place)
    count = 0
    while batch := list(islice(missing, _BATCH_ROWS)):
        target.insert(batch)
        count += len(batch)
    return count


def lacks(target: Keeping, source: Keeping) -> int:
    """Return how many rows `target` lacks; InputError if they are no beginnings of one chain."""
    _last_shared(source, target)
    return max(source.length() - target.length(), 0)


def _last_shared(one: Keeping, other: Keeping) -> Row | None:
    """Return the last row of the shorter one, which the other must have: it covers all before."""
    seq = min(one.length(), other.length())
    if not seq:
        return None
    row, theirs = (next(each.rows(seq - 1, 1), None) for each in (one, other))
    if row is None or row != theirs:
        raise InputError(f"{one.place} and {other.place} are two chains: they differ by row {seq}")
    return row
