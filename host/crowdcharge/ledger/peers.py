# SPDX-License-Identifier: MIT
"""PURE: transfers that boards agreed on enter a ledger when a receipt is collected."""

from collections.abc import Iterable

from crowdcharge.boards.models import Receipt
from crowdcharge.ledger import kinds
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.numbers import BOOKS_PEERS
from wptcore import wire
from wptcore.fod import UNCALIBRATED_MAX_mW


def is_peers(receipt: Receipt) -> bool:
    """Tell whether another board granted the transfer, and no host."""
    return bool(receipt.flags & wire.GRANTED_BY_PEER)


def openings(book: Book, receipts: Iterable[Receipt], t_ms: int) -> list[kinds.Content]:
    """Return a row for each such transfer that the ledger has not seen; `t_ms` is of collecting.

    No host opened it, so its bounds are what its first receipt shows. Among several sites one
    opens them all: two could not agree on it while they cannot reach each other.
    """
    if book.site and book.site.number != BOOKS_PEERS:
        return []
    opened: dict[int, kinds.Content] = {}
    for receipt in receipts:
        if is_peers(receipt) and receipt.transfer_id not in book.transfers:
            ends = (receipt.board_id, receipt.peer)
            ptx, prx = ends if receipt.role == wire.PTX else ends[::-1]
            opened[receipt.transfer_id] = kinds.Open(
                receipt.transfer_id,
                ptx,
                prx,
                max(receipt.energy_mJ, 1),
                UNCALIBRATED_MAX_mW,
                t_ms,
            )
    return list(opened.values())
