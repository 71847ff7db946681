# SPDX-License-Identifier: MIT
"""PURE: transfers that boards agreed on enter a ledger when a receipt is collected."""

from collections.abc import Container, Iterable

from crowdcharge.boards.models import Receipt
from crowdcharge.ledger import kinds
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.numbers import BOOKS_PEERS
from crowdcharge.ledger.rows import claim_row
from wptcore import wire
from wptcore.fod import UNCALIBRATED_MAX_mW


def is_peers(receipt: Receipt) -> bool:
    """Tell whether another board granted the transfer, and no host."""
    return bool(receipt.flags & wire.GRANTED_BY_PEER)


def doubtful(book: Book, keys: Container[int]) -> dict[int, set[int]]:
    """Return by board without a key here the transfers of which only its partner has told."""
    found: dict[int, set[int]] = {}
    for transfer in book.unsettled():
        roles = (wire.PTX, wire.PRX)
        for board_id, role in zip(transfer.boards, roles, strict=False):
            key = board_id, transfer.transfer_id, role
            if board_id and board_id not in keys and key not in book.claims:
                found.setdefault(board_id, set()).add(transfer.transfer_id)
    return found


def claims(
    receipts: Iterable[Receipt], board_id: int, wanted: Container[int], t_ms: int
) -> list[kinds.Content]:
    """Return rows for what a board says of these transfers, which nobody here can check."""
    return [
        claim_row(receipt, t_ms)
        for receipt in receipts
        if receipt.board_id == board_id and receipt.transfer_id in wanted and is_peers(receipt)
    ]


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
                max(receipt.peak_mW, UNCALIBRATED_MAX_mW),
                t_ms,
            )
    return list(opened.values())
