# SPDX-License-Identifier: MIT
"""PURE: does each receipt of a board continue the one before it?

A board counts what it ever sent and received, across all hosts, and each receipt says where that
count stood. A receipt that is missing leaves a hole, which the ledger must own up to by a gap row.
"""

from collections.abc import Iterator

from crowdcharge.boards.fleet import odometer_rise_mJ
from crowdcharge.boards.models import Receipt
from crowdcharge.ledger import kinds
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.rows import gap_row, receipt_of
from wptcore import wire

_Meter = tuple[int, int]  # board and role


class Odometers:
    """Sees every row before the book applies it."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._gap: kinds.Gap | None = None  # the row before, if it was one
        self._read_mJ: dict[_Meter, int] = {}  # before the first receipt
        self._unexplained_mJ: dict[_Meter, int] = {}

    def see(self, content: kinds.Content) -> Iterator[str]:
        gap, self._gap = self._gap, None
        receipt = _receipt_of(content)
        due = self._due(receipt) if receipt else None
        if due != gap and receipt and due:
            yield f"does not continue board {receipt.board_id}'s odometer"
        elif gap and due != gap:
            yield f"does not fill the gap of board {gap.board_id} that the row before it claims"
        if receipt:
            self._continue(receipt)
        elif isinstance(content, kinds.Gap):
            self._gap = content
        elif isinstance(content, kinds.Reading):
            self._reading(content)

    def _due(self, receipt: Receipt) -> kinds.Gap | None:
        """Return the gap row that belongs before a receipt."""
        before = self._book.last_receipt.get((receipt.board_id, receipt.role))
        if before is None or before.odometer_mJ == receipt.start_mJ:
            return None
        return gap_row(before, receipt)

    def _continue(self, receipt: Receipt) -> None:
        meter = receipt.board_id, receipt.role
        read_mJ = self._read_mJ.pop(meter, receipt.start_mJ)
        self._unexplained_mJ[meter] = odometer_rise_mJ(read_mJ, receipt.start_mJ)

    def _reading(self, reading: kinds.Reading) -> None:
        """Compare a board's own count with its newest receipt."""
        counts = (wire.PTX, reading.sent_mJ), (wire.PRX, reading.received_mJ)
        for role, count_mJ in counts:
            meter = reading.board_id, role
            last = self._book.last_receipt.get(meter)
            since_mJ = last.odometer_mJ if last else self._read_mJ.setdefault(meter, count_mJ)
            self._unexplained_mJ[meter] = odometer_rise_mJ(since_mJ, count_mJ)

    def end(self) -> Iterator[str]:
        """Find energy that a board says it moved and no receipt here tells of."""
        words = {wire.PTX: "sent", wire.PRX: "received"}
        for (board_id, role), energy_mJ in self._unexplained_mJ.items():
            if energy_mJ:
                yield (
                    f"board {board_id} read {energy_mJ} mJ {words.get(role, role)} "
                    "that are on no receipt of this ledger"
                )


def _receipt_of(content: kinds.Content) -> Receipt | None:
    if not isinstance(content, kinds.ReceiptRow):
        return None
    try:
        return receipt_of(content)
    except ValueError:
        return None  # the book says so when the row is applied
