# SPDX-License-Identifier: MIT
"""PURE: does a ledger still say what was written, and does it add up?

A hash chain shows that a row was altered, inserted or taken out. It cannot show that someone wrote
the whole chain anew; then the boards' signatures on the receipts remain.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from crowdcharge.boards.fleet import odometer_rise_mJ
from crowdcharge.errors import LedgerError
from crowdcharge.ledger import audit, kinds
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.payments import accounts_of
from crowdcharge.ledger.rows import FIRST_HASH, Row, receipt_of, receipt_row, row_hash
from crowdcharge.ledger.settlement import TransferRecord
from crowdcharge.ledger.signers import Signers
from wptcore import wire


@dataclass(frozen=True, slots=True)
class Finding:
    """`seq` is the row; a note (not wrong) is something that the reader should know."""

    seq: int
    text: str
    wrong: bool = True

    def __str__(self) -> str:
        return f"row {self.seq}: {self.text}"


def verify(
    rows: Iterable[Row],
    keys: Mapping[int, bytes],
    retired: Mapping[int, Sequence[bytes]] | None = None,
) -> list[Finding]:
    """All findings in order; the chain is checked up to the first row that breaks it.

    `retired`: keys that a board had before its one in `keys`, oldest first.
    """
    return list(_Verifier(Signers(keys, retired)).run(rows))


class _Verifier:
    def __init__(self, signers: Signers) -> None:
        self._signers = signers
        self._book = Book()
        self._gaps: set[tuple[int, int, int, int]] = set()
        self._unposted_mJ = 0

    def run(self, rows: Iterable[Row]) -> Iterator[Finding]:
        previous, seq = FIRST_HASH, 0
        for row in rows:
            seq += 1
            if row.seq != seq:
                yield Finding(seq, f"is missing; row {row.seq} follows")
                return
            if row_hash(previous, row.seq, row.kind, row.body) != row.hash:
                yield Finding(seq, f"({row.kind}) was altered: its hash does not fit")
                return
            yield from self._check(row)
            previous = row.hash
        for text in audit.unpaid(self._book):
            yield Finding(seq, text, wrong=False)
        for text in self._conservation():
            yield Finding(seq, text)

    def _check(self, row: Row) -> Iterator[Finding]:
        try:
            content = row.content()
            if isinstance(content, kinds.Gap):
                yield Finding(row.seq, f"(gap) {self._gap(content)}", wrong=False)
            elif isinstance(content, kinds.Receipt):
                for text in self._receipt(content):
                    yield Finding(row.seq, f"(receipt) {text}")
            self._book.apply(row, content)
            for text in self._applied(content):
                yield Finding(row.seq, f"({row.kind}) {text}")
        except LedgerError as error:
            yield Finding(row.seq, str(error).removeprefix(f"row {row.seq} "))

    def _receipt(self, shown: kinds.Receipt) -> Iterator[str]:
        """Compare a receipt with its signature and with the board's receipt before it."""
        try:
            receipt = receipt_of(shown)
        except ValueError:
            return  # the book says so when the row is applied
        if receipt_row(receipt) != shown:
            yield "shows other values than were signed"
        if not self._signers.accept(receipt.board_id, receipt.signed_with):
            yield f"is not signed by board {receipt.board_id}"
        before = self._book.last_receipt.get((receipt.board_id, receipt.role))
        if before is None or before.odometer_mJ == receipt.start_mJ:
            return
        gap = (receipt.board_id, receipt.role, before.odometer_mJ, receipt.start_mJ)
        if gap not in self._gaps:
            yield f"does not continue board {receipt.board_id}'s odometer"

    def _gap(self, gap: kinds.Gap) -> str:
        self._gaps.add((gap.board_id, gap.role, gap.from_mJ, gap.to_mJ))
        energy_mJ = odometer_rise_mJ(gap.from_mJ, gap.to_mJ)
        return f"board {gap.board_id}: {energy_mJ} mJ are on no receipt of this ledger"

    def _applied(self, content: kinds.Content) -> Iterable[str]:
        """What is wrong in a row that the book has already applied."""
        match content:
            case kinds.Entry():
                self._unposted_mJ += content.amount_mJ
            case kinds.State():
                return self._state(self._book.transfers[content.transfer_id])
            case kinds.Market():
                return audit.market_faults(content, self._signers)
            case kinds.Bargain():
                return audit.bargain_faults(self._book, content)
            case kinds.Payment():
                return audit.payment_faults(self._book, content)
        return ()

    def _state(self, transfer: TransferRecord) -> Iterator[str]:
        """The postings before a state add up to zero and are what the receipts say."""
        if self._unposted_mJ:
            yield f"the postings before it leave {self._unposted_mJ} mJ"
        self._unposted_mJ = 0
        if transfer.sent_mJ - transfer.received_mJ != transfer.loss_mJ:
            yield f"transfer {transfer.transfer_id}: sent - received is not the loss"
        sides = (
            ("sent", transfer.sent_mJ, wire.PTX),
            ("received", transfer.received_mJ, wire.PRX),
        )
        for word, posted_mJ, role in sides:
            receipt = self._book.receipt(transfer, role)
            if receipt is not None and receipt.energy_mJ != posted_mJ:
                yield (
                    f"transfer {transfer.transfer_id}: {posted_mJ} mJ {word},"
                    f" but the receipt says {receipt.energy_mJ}"
                )

    def _conservation(self) -> Iterator[str]:
        credits_u = sum(accounts_of(self._book).balances_u().values())
        if credits_u:
            yield f"the markets' accounts add up to {credits_u} micro-credits, not 0"
        total_mJ = sum(self._book.balances_mJ.values())
        if total_mJ:
            yield f"the accounts add up to {total_mJ} mJ instead of 0"
