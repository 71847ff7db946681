# SPDX-License-Identifier: MIT
"""PURE: what the rows of a ledger add up to."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from crowdcharge.boards.models import Receipt
from crowdcharge.errors import LedgerError
from crowdcharge.ledger.rows import (
    KINDS,
    LOSS,
    Body,
    Draft,
    Row,
    account_of,
    gap_row,
    receipt_of,
    receipt_row,
)
from crowdcharge.ledger.settlement import TransferRecord
from wptcore import wire


@dataclass(slots=True)
class Book:
    """What the rows add up to; `apply` each row in order."""

    transfers: dict[int, TransferRecord] = field(default_factory=dict)
    receipts: dict[tuple[int, int, int], Receipt] = field(default_factory=dict)
    last_receipt: dict[tuple[int, int], Receipt] = field(default_factory=dict)
    balances_mJ: dict[str, int] = field(default_factory=dict)
    first_reading: dict[int, Body] = field(default_factory=dict)
    last_reading: dict[int, Body] = field(default_factory=dict)
    faults: dict[int, frozenset[int]] = field(default_factory=dict)  # codes that stand
    runs: list[Body] = field(default_factory=list)
    markets: dict[int, Body] = field(default_factory=dict)
    bargains: dict[int, Body] = field(default_factory=dict)  # by transfer
    payments: list[Body] = field(default_factory=list)
    refusals: int = 0
    seen_ids: set[int] = field(default_factory=set)  # of transfers, ours or not
    _unsettled: dict[int, None] = field(default_factory=dict)  # in the order of opening

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "Book":
        book = cls()
        for row in rows:
            book.apply(row)
        return book

    def apply(self, row: Row) -> None:
        """LedgerError names a row that makes no sense."""
        if row.kind not in KINDS:
            raise LedgerError(f"row {row.seq} ({row.kind}) is of an unknown kind")
        content = receipt_of(row) if row.kind == "receipt" else row.fields()
        try:
            getattr(self, "_apply_" + row.kind)(content)
        except (KeyError, TypeError, ValueError):
            raise LedgerError(f"row {row.seq} ({row.kind}) makes no sense") from None

    def _apply_run(self, body: Body) -> None:
        self.runs.append(body)

    def _apply_reading(self, body: Body) -> None:
        self.first_reading.setdefault(body["board_id"], body)
        self.last_reading[body["board_id"]] = body

    def _apply_open(self, body: Body) -> None:
        transfer_id = body["transfer_id"]
        if transfer_id in self.transfers:
            raise ValueError
        self.transfers[transfer_id] = TransferRecord(
            transfer_id, body["ptx"], body["prx"], body["energy_max_mJ"], body["t_ms"]
        )
        self.seen_ids.add(transfer_id)
        self._unsettled[transfer_id] = None

    def _apply_refusal(self, body: Body) -> None:
        self.refusals += 1
        self._update(body, refused=True)

    def _apply_sample(self, body: Body) -> None:
        pass  # for plots; nothing is settled by a sample

    def _apply_receipt(self, receipt: Receipt) -> None:
        if receipt.key in self.receipts:
            raise ValueError
        self.receipts[receipt.key] = receipt
        self.seen_ids.add(receipt.transfer_id)
        self.last_receipt[receipt.board_id, receipt.role] = receipt

    def _apply_gap(self, body: Body) -> None:
        pass  # checked by verify

    def _apply_entry(self, body: Body) -> None:
        account, amount_mJ = body["account"], body["amount_mJ"]
        self.balances_mJ[account] = self.balances_mJ.get(account, 0) + amount_mJ
        transfer = self.transfers[body["transfer_id"]]
        if account == LOSS:
            self._update(body, loss_mJ=transfer.loss_mJ + amount_mJ)
        elif account == account_of(transfer.ptx):
            self._update(body, sent_mJ=transfer.sent_mJ - amount_mJ)
        elif account == account_of(transfer.prx):
            self._update(body, received_mJ=transfer.received_mJ + amount_mJ)
        else:
            raise ValueError

    def _apply_state(self, body: Body) -> None:
        self._update(body, state=body["state"], ept_ptx=body["ept_ptx"], ept_prx=body["ept_prx"])

    def _apply_fault(self, body: Body) -> None:
        board_id, code = body["board_id"], frozenset({body["code"]})
        standing = self.faults.get(board_id, frozenset())
        self.faults[board_id] = standing | code if body["raised"] else standing - code

    def _apply_market(self, body: Body) -> None:
        if body["market_id"] in self.markets:
            raise ValueError
        self.markets[body["market_id"]] = body

    def _apply_bargain(self, body: Body) -> None:
        """Of a market, and about a transfer between the same two."""
        transfer = self.transfers[body["transfer_id"]]
        market = self.markets[body["market_id"]]
        if (body["seller"], body["buyer"]) != (transfer.ptx, transfer.prx):
            raise ValueError
        if body["transfer_id"] in self.bargains or body["price"] != market["price"]:
            raise ValueError
        self.bargains[body["transfer_id"]] = body

    def _apply_payment(self, body: Body) -> None:
        bargain = self.bargains[body["transfer_id"]]
        if (body["payer"], body["payee"]) != (bargain["buyer"], bargain["seller"]):
            raise ValueError
        self.payments.append(body)

    def _update(self, body: Body, **changes: Any) -> None:
        transfer_id = body["transfer_id"]
        transfer = replace(self.transfers[transfer_id], **changes)
        self.transfers[transfer_id] = transfer
        if transfer.is_closed:
            self._unsettled.pop(transfer_id, None)

    def unsettled(self, board_id: int | None = None) -> list[TransferRecord]:
        """Open or one-sided, of one board or of all."""
        found = (self.transfers[transfer_id] for transfer_id in self._unsettled)
        return [transfer for transfer in found if board_id in {None, *transfer.boards}]

    def receipt(self, transfer: TransferRecord, role: int) -> Receipt | None:
        board_id = transfer.ptx if role == wire.PTX else transfer.prx
        return self.receipts.get((board_id, transfer.transfer_id, role))

    def admit(self, receipts: Iterable[Receipt]) -> list[Draft]:
        """The rows for those receipts that are new, oldest first, with the gaps between them."""
        rows: list[Draft] = []
        last = dict(self.last_receipt)
        for receipt in receipts:
            if receipt.key in self.receipts:
                continue
            before = last.get((receipt.board_id, receipt.role))
            if before is not None and before.odometer_mJ != receipt.start_mJ:
                rows.append(gap_row(before, receipt))
            rows.append(receipt_row(receipt))
            last[receipt.board_id, receipt.role] = receipt
        return rows
