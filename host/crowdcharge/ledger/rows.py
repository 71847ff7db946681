# SPDX-License-Identifier: MIT
"""PURE: the rows of the ledger, and how they are chained.

A row is (seq, kind, body, hash); the body is canonical JSON of integers and texts, and the hash
chains it to the row before. Nothing is ever changed: a state, a correction, a cleared fault is one
more row. `Book` (book.py) is what the rows say; `verify.py` re-checks them.

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
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from crowdcharge.boards.models import Receipt
from crowdcharge.errors import LedgerError

Body = dict[str, Any]
Draft = tuple[str, Body]  # a row that is not written yet: (kind, body)

KINDS = frozenset(
    {"run", "reading", "open", "refusal", "sample", "receipt", "gap", "entry", "state", "fault"}
    | {"market", "bargain", "payment"}
)
FIRST_HASH = "0" * 64
LOSS = "loss"


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
