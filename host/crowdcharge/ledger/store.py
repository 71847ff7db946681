# SPDX-License-Identifier: MIT
"""The ledger: rows that are chained and added up here, and kept in a file or in a database.

Only where the rows are kept differs: `SqliteRows` in a file, `PostgresRows` behind a URL.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

from crowdcharge.errors import InputError
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.keeping import Keeping, catch_up, lacks
from crowdcharge.ledger.kinds import Content
from crowdcharge.ledger.place import BooksUrl, Place
from crowdcharge.ledger.postgres_rows import PostgresRows
from crowdcharge.ledger.rows import FIRST_HASH, Row, chained, unbroken
from crowdcharge.ledger.sqlite_rows import SqliteRows


class Store:
    """`Store.create` to write (makes a file if there is none), `Store.read` to look at it."""

    def __init__(self, kept: Keeping) -> None:
        self._kept = kept
        self.book = Book()
        self._seq, self._hash = 0, FIRST_HASH

    @classmethod
    def create(cls, place: Place) -> "Store":
        """Open a ledger to write. LedgerError if it is damaged.

        InputError if that cannot be, or if another process writes to it.
        """
        kept = (
            PostgresRows.write(place) if isinstance(place, BooksUrl) else SqliteRows.write(place)
        )
        store = cls(kept)
        try:
            store._load(check=True)
        except BaseException:
            kept.close()
            raise
        return store

    @classmethod
    def read(cls, place: Place) -> "Store":
        """Open a ledger to look at; `book` stays empty until `load`, as it may be damaged."""
        return cls(
            PostgresRows.read(place) if isinstance(place, BooksUrl) else SqliteRows.read(place)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def load(self) -> Book:
        self._load()
        return self.book

    def append(self, contents: Iterable[Content]) -> None:
        """Write all of them or none. LedgerError, and nothing is lost, if that cannot be now."""
        rows: list[Row] = []
        seq, previous = self._seq, self._hash
        for content in contents:
            seq += 1
            row = chained(seq, previous, content)
            previous = row.hash
            rows.append(row)
        if not rows:
            return
        said = [row.content() for row in rows]  # so nothing is written that cannot be read again
        self._kept.insert(rows)
        self._seq, self._hash = seq, previous
        for row, content in zip(rows, said, strict=True):
            self.book.apply(row, content)

    def rows(self, after: int = 0, most: int = -1) -> Iterator[Row]:
        """Return the rows as they are kept; bytes that are no UTF-8 survive for the hash.

        Only those numbered above `after`, and at most `most` of them, unless that is below 0.
        """
        return self._kept.rows(after, most)

    def damage(self) -> str | None:
        """Return what is wrong with the file or the database itself, or None."""
        return self._kept.damage()

    def close(self) -> None:
        self._kept.close()

    def back_up(self, path: Path) -> None:
        """Write a whole copy, also of a ledger that is in use. InputError if `path` exists."""
        if path.exists() or path.is_symlink():
            raise InputError(f"{path} exists already; a backup replaces nothing")
        self._kept.back_up(path)

    def catch_up(self, source: "Store") -> int:
        """Write the rows that this lacks and `source` has, and read them again as they are kept.

        See `keeping.catch_up`.
        """
        count = catch_up(source._kept, self._kept)
        self._follow(check=True)
        return count

    def waits_in(self, spool: Path) -> int:
        """Return how many rows the file has and this lacks; InputError if it is another ledger."""
        with closing(SqliteRows.read(spool)) as kept:
            return lacks(self._kept, kept)

    def _load(self, check: bool = False) -> None:
        """Read all rows into the book; with `check` an altered row is a LedgerError."""
        self.book = Book()
        self._seq, self._hash = 0, FIRST_HASH
        self._follow(check)

    def _follow(self, check: bool) -> None:
        """Read the rows that the book has not yet."""
        rows = self.rows(self._seq)
        for row in unbroken(rows, self._hash, self._kept.place) if check else rows:
            self.book.apply(row)
            self._seq, self._hash = row.seq, row.hash
