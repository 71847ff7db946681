# SPDX-License-Identifier: MIT
"""PURE: does a ledger still say what was written, and does it add up?

What a hash chain can show: that a row was altered, inserted or taken out. What it cannot: that
someone wrote the whole chain anew; there the boards' signatures on the receipts remain.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from crowdcharge.boards.fleet import odometer_rise_mJ
from crowdcharge.boards.models import Receipt
from crowdcharge.errors import LedgerError
from crowdcharge.ledger import audit
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.payments import accounts_of
from crowdcharge.ledger.rows import FIRST_HASH, Row, receipt_of, receipt_row, row_hash
from crowdcharge.ledger.signers import Signers


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
        yield from self._conservation(seq)

    def _check(self, row: Row) -> Iterator[Finding]:
        try:
            if row.kind == "receipt":
                yield from self._receipt(row, receipt_of(row))
            elif row.kind == "gap":
                yield from self._gap(row)
            self._book.apply(row)
            for text in self._trade(row):
                yield Finding(row.seq, f"({row.kind}) {text}")
            if row.kind == "entry":
                self._unposted_mJ += row.fields()["amount_mJ"]
            elif row.kind == "state":
                yield from self._state(row)
        except LedgerError as error:
            yield Finding(row.seq, str(error).removeprefix(f"row {row.seq} "))
        except (KeyError, TypeError, ValueError):
            yield Finding(row.seq, f"({row.kind}) makes no sense")

    def _receipt(self, row: Row, receipt: Receipt) -> Iterator[Finding]:
        if receipt_row(receipt)[1] != row.fields():
            yield Finding(row.seq, "(receipt) shows other values than were signed")
        if not self._signers.accept(receipt.board_id, receipt.signed_with):
            yield Finding(row.seq, f"(receipt) is not signed by board {receipt.board_id}")
        before = self._book.last_receipt.get((receipt.board_id, receipt.role))
        if before is None or before.odometer_mJ == receipt.start_mJ:
            return
        gap = (receipt.board_id, receipt.role, before.odometer_mJ, receipt.start_mJ)
        if gap not in self._gaps:
            yield Finding(
                row.seq, f"(receipt) does not continue board {receipt.board_id}'s odometer"
            )

    def _gap(self, row: Row) -> Iterator[Finding]:
        body = row.fields()
        self._gaps.add((body["board_id"], body["role"], body["from_mJ"], body["to_mJ"]))
        energy_mJ = odometer_rise_mJ(body["from_mJ"], body["to_mJ"])
        text = f"(gap) board {body['board_id']}: {energy_mJ} mJ are on no receipt of this ledger"
        yield Finding(row.seq, text, wrong=False)

    def _state(self, row: Row) -> Iterator[Finding]:
        transfer = self._book.transfers[row.fields()["transfer_id"]]
        if self._unposted_mJ:
            yield Finding(row.seq, f"(state) the postings before it leave {self._unposted_mJ} mJ")
        if transfer.sent_mJ - transfer.received_mJ != transfer.loss_mJ:
            yield Finding(
                row.seq,
                f"(state) transfer {transfer.transfer_id}: sent - received is not the loss",
            )
        yield from self._metered(row)
        self._unposted_mJ = 0

    def _metered(self, row: Row) -> Iterator[Finding]:
        """What was posted is what the receipts say."""
        transfer = self._book.transfers[row.fields()["transfer_id"]]
        sides = (("sent", transfer.sent_mJ, 1), ("received", transfer.received_mJ, 2))
        for word, posted_mJ, role in sides:
            receipt = self._book.receipt(transfer, role)
            if receipt is not None and receipt.energy_mJ != posted_mJ:
                yield Finding(
                    row.seq,
                    f"(state) transfer {transfer.transfer_id}: {posted_mJ} mJ {word},"
                    f" but the receipt says {receipt.energy_mJ}",
                )

    def _trade(self, row: Row) -> list[str]:
        if row.kind == "market":
            return audit.market_faults(row.fields(), self._signers)
        if row.kind == "bargain":
            return audit.bargain_faults(self._book, row.fields())
        return audit.payment_faults(self._book, row.fields()) if row.kind == "payment" else []

    def _conservation(self, seq: int) -> Iterator[Finding]:
        for text in audit.unpaid(self._book):
            yield Finding(seq, text, wrong=False)
        credits_u = sum(accounts_of(self._book).balances_u().values())
        if credits_u:
            yield Finding(seq, f"the markets' accounts add up to {credits_u} micro-credits, not 0")
        total_mJ = sum(self._book.balances_mJ.values())
        if total_mJ:
            yield Finding(seq, f"the accounts add up to {total_mJ} mJ instead of 0")
