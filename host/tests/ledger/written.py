# SPDX-License-Identifier: MIT
"""A ledger in memory, as the store chains it and the book adds it up."""

from collections.abc import Mapping

from crowdcharge.ledger.book import Book
from crowdcharge.ledger.kinds import Content
from crowdcharge.ledger.rows import FIRST_HASH, Row, chained
from crowdcharge.ledger.verify import judge


class Written:
    """`rows` are what was added, and `book` is what they add up to."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.book = Book()

    def add(self, *contents: Content) -> None:
        for content in contents:
            previous = self.rows[-1].hash if self.rows else FIRST_HASH
            self.rows.append(chained(len(self.rows) + 1, previous, content))
            self.book.apply(self.rows[-1])

    def wrong(self, keys: Mapping[int, bytes]) -> list[str]:
        """Return what a verification with these keys finds wrong."""
        return [str(each) for each in judge(self.rows, keys).findings if each.wrong]
