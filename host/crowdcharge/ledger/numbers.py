# SPDX-License-Identifier: MIT
"""PURE: the numbers of transfers carry the site that opened them.

The upper 10 of a number's 32 bits are the site's number, the lower 22 count its transfers, so two
sites never give one number to two transfers, whatever they know of each other. Site 0 is a host
that knows of no other; it numbers as it likes.
"""

from collections.abc import Container, Iterable

from crowdcharge.errors import LedgerError

SITE_MAX = (1 << 10) - 1
BOOKS_PEERS = 1  # the site that books what boards agreed on among themselves
_COUNT_BITS = 22
_ID_BITS = 32


def ids_of(site_number: int) -> range:
    """Return the numbers that a site may give; never 0, which stands for no transfer."""
    if not site_number:
        return range(1, 1 << _ID_BITS)
    return range(site_number << _COUNT_BITS, (site_number + 1) << _COUNT_BITS)


class Numbering:
    """Gives the numbers in `ids`, each once, and none that is in `seen` by then.

    It begins behind the numbers of `opened`, the transfers of earlier runs; without any, at
    `first`, taken modulo the count of `ids`: boards remember the numbers of ledgers that are gone.
    """

    def __init__(
        self, ids: range, first: int, opened: Iterable[int], seen: Container[int]
    ) -> None:
        self._ids = ids
        self._seen = seen
        behind = (number - ids.start + 1 for number in opened if number in ids)
        self._place = max([(first - ids.start) % len(ids), *behind])

    def next(self) -> int:
        """Return a number; LedgerError if all were given."""
        for _ in self._ids:
            number = self._ids[self._place % len(self._ids)]
            self._place += 1
            if number not in self._seen:
                return number
        raise LedgerError("this site has given all its numbers: begin a new ledger as another one")
