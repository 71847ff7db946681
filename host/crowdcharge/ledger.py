# SPDX-License-Identifier: MIT
"""PURE: the rows of the ledger, what they add up to, and how a transfer is settled.

A row is (seq, kind, body, hash); the body is canonical JSON of integers and texts, and the hash
chains it to the row before. Nothing is ever changed: a state, a correction, a cleared fault is one
more row. `Book` is what the rows say; `verify.py` re-checks them.

    run      a host started          {policy, seed, vm, started_unix_s}
    reading  a board's own state     {board_id, epoch, soc_permille, sent_mJ, received_mJ, ...}
    open     before the first grant  {transfer_id, ptx, prx, energy_max_mJ, power_max_mW, t_ms}
    refusal  a board said no         {transfer_id, board_id, code, name, t_ms}
    sample   during a transfer       {transfer_id, board_id, role, t_ms, power_mW, energy_mJ, ...}
    receipt  as a board signed it    {its fields, raw}
    gap      energy on no receipt    {board_id, role, epoch, from_mJ, to_mJ}
    entry    one side of a posting   {transfer_id, account, amount_mJ}
    state    where a transfer stands {transfer_id, state, ept_ptx, ept_prx}
    fault    raised or cleared       {board_id, code, name, raised, t_ms}
    market   boards agreed, or not   {market_id, session, lane, price, confirmed, takes, void, ...}
    bargain  a transfer is a sale    {market_id, transfer_id, seller, buyer, price, energy_mJ}
    payment  after its metering      {transfer_id, payer, payee, received_mJ, amount_u}
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from crowdcharge.errors import LedgerError
from crowdcharge.models import Receipt
from wptcore import wire

Body = dict[str, Any]
Draft = tuple[str, Body]  # a row that is not written yet: (kind, body)

KINDS = frozenset(
    {"run", "reading", "open", "refusal", "sample", "receipt", "gap", "entry", "state", "fault"}
    | {"market", "bargain", "payment"}
)
FIRST_HASH = "0" * 64
LOSS = "loss"

OPEN, SETTLED, ONE_SIDED, DISPUTED = "open", "settled", "one-sided", "disputed"
VOID = "void"  # granted to neither, or no energy flowed before a refusal

_METERS_DIVISOR = 50  # two meters of 1 % each
_SAMPLE_MAX_ms = 500  # and a first or last sample that stands for as long as a board accepts


@dataclass(frozen=True, slots=True)
class Row:
    seq: int
    kind: str
    body: str
    hash: str

    def fields(self) -> Body:
        """LedgerError names the row if its body is not a JSON object."""
        try:
            body = json.loads(self.body)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise LedgerError(f"row {self.seq} ({self.kind}) is unreadable")
        return body


def row_hash(previous: str, seq: int, kind: str, body: str) -> str:
    head = f"{previous}\n{seq}\n{kind}\n"
    return sha256((head + body).encode("utf-8", "surrogateescape")).hexdigest()


def chained(seq: int, previous: str, draft: Draft) -> Row:
    kind, fields = draft
    body = json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return Row(seq, kind, body, row_hash(previous, seq, kind, body))


def account_of(board_id: int) -> str:
    return f"board:{board_id}"


# -- transfers ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Transfer:
    """`prx` 0: a ping, which has no receiver. Energies are what has been posted."""

    transfer_id: int
    ptx: int
    prx: int
    energy_max_mJ: int
    opened_ms: int
    state: str = OPEN
    sent_mJ: int = 0
    received_mJ: int = 0
    loss_mJ: int = 0
    ept_ptx: int | None = None
    ept_prx: int | None = None
    refused: bool = False

    @property
    def boards(self) -> tuple[int, ...]:
        return (self.ptx, self.prx) if self.prx else (self.ptx,)

    @property
    def is_closed(self) -> bool:
        return self.state not in {OPEN, ONE_SIDED}


def settlement(transfer: Transfer, sent: Receipt | None, received: Receipt | None) -> list[Draft]:
    """The rows that close a transfer by what the boards metered; [] if nothing would change.

    A missing receipt (None) books that side with nothing unless the other proves energy: what was
    received was at least sent. When the missing one arrives later, the difference is posted.
    """
    state = _closing_state(transfer, sent, received)
    received_mJ = received.energy_mJ if received else 0
    sent_mJ = sent.energy_mJ if sent else received_mJ
    ept_ptx = sent.ept if sent else None
    ept_prx = received.ept if received else None
    if (transfer.state, transfer.ept_ptx, transfer.ept_prx) == (state, ept_ptx, ept_prx):
        return []
    rows = _postings(transfer, sent_mJ, received_mJ)
    closing = {
        "transfer_id": transfer.transfer_id,
        "state": state,
        "ept_ptx": ept_ptx,
        "ept_prx": ept_prx,
    }
    return [*rows, ("state", closing)]


def _closing_state(transfer: Transfer, sent: Receipt | None, received: Receipt | None) -> str:
    if not transfer.prx:
        return SETTLED if sent else VOID
    if sent is None or received is None:
        metered = sent or received
        return ONE_SIDED if metered and metered.energy_mJ else VOID
    contradicts = (
        received.energy_mJ > sent.energy_mJ + _tolerance_mJ(sent, received)
        or sent.peer != transfer.prx
        or received.peer != transfer.ptx
    )
    return DISPUTED if contradicts else SETTLED


def _tolerance_mJ(sent: Receipt, received: Receipt) -> int:
    """How much more may be seen received than sent, by honest meters."""
    sample_mJ = received.peak_mW * _SAMPLE_MAX_ms // 1000
    return sent.energy_mJ // _METERS_DIVISOR + sample_mJ


def _postings(transfer: Transfer, sent_mJ: int, received_mJ: int) -> Iterator[Draft]:
    """Double entry: what leaves one account arrives on the others; the amounts add up to zero."""
    amounts = {
        account_of(transfer.ptx): transfer.sent_mJ - sent_mJ,
        account_of(transfer.prx): received_mJ - transfer.received_mJ,
        LOSS: (sent_mJ - received_mJ) - transfer.loss_mJ,
    }
    for account, amount_mJ in amounts.items():
        if amount_mJ:
            yield (
                "entry",
                {
                    "transfer_id": transfer.transfer_id,
                    "account": account,
                    "amount_mJ": amount_mJ,
                },
            )


# -- receipts ----------------------------------------------------------------------------


def receipt_row(receipt: Receipt) -> Draft:
    """The fields in clear for whoever reads the ledger; `raw` is what was signed."""
    return (
        "receipt",
        {
            "board_id": receipt.board_id,
            "epoch": receipt.epoch,
            "transfer_id": receipt.transfer_id,
            "role": receipt.role,
            "peer": receipt.peer,
            "energy_mJ": receipt.energy_mJ,
            "duration_ms": receipt.duration_ms,
            "peak_mW": receipt.peak_mW,
            "peak_dC": receipt.peak_dC,
            "ept": receipt.ept,
            "soc_before_permille": receipt.soc_before_permille,
            "soc_after_permille": receipt.soc_after_permille,
            "odometer_mJ": receipt.odometer_mJ,
            "raw": receipt.raw.hex(),
        },
    )


def receipt_of(row: Row) -> Receipt:
    try:
        return Receipt.unpack(bytes.fromhex(row.fields()["raw"]))
    except (KeyError, TypeError, ValueError):
        raise LedgerError(f"row {row.seq} (receipt) holds no receipt") from None


def gap_row(before: Receipt, after: Receipt) -> Draft:
    """Energy between two receipts that no receipt in this ledger explains."""
    return (
        "gap",
        {
            "board_id": after.board_id,
            "role": after.role,
            "epoch": after.epoch,
            "from_mJ": before.odometer_mJ,
            "to_mJ": after.start_mJ,
        },
    )


# -- the book ----------------------------------------------------------------------------


@dataclass(slots=True)
class Book:
    """What the rows add up to; `apply` each row in order."""

    transfers: dict[int, Transfer] = field(default_factory=dict)
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
        self.transfers[transfer_id] = Transfer(
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

    def unsettled(self, board_id: int | None = None) -> list[Transfer]:
        """Open or one-sided, of one board or of all."""
        found = (self.transfers[transfer_id] for transfer_id in self._unsettled)
        return [transfer for transfer in found if board_id in {None, *transfer.boards}]

    def receipt(self, transfer: Transfer, role: int) -> Receipt | None:
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
