# SPDX-License-Identifier: MIT
"""PURE: the rows of the ledger, and how they are chained.

A row is (seq, kind, body, hash); the body is canonical JSON of integers and texts, and the hash
chains it to the row before. Nothing is ever changed: a state, a correction, a cleared fault is one
more row. kinds.py lists what a row can say; `Book` (book.py) adds the rows up; verify.py checks
them again.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from crowdcharge.boards.models import Ack, Beacon, Receipt
from crowdcharge.errors import LedgerError
from crowdcharge.ledger import kinds
from crowdcharge.ledger.bodies import Body, body_of, canonical, parsed

FIRST_HASH = "0" * 64
LOSS = "loss"
_LEAST = -(2**63)  # the least number that a row can have in a file or a database


@dataclass(frozen=True, slots=True)
class Row:
    seq: int
    kind: str
    body: str
    hash: str

    def fields(self) -> Body:
        """Return the body; LedgerError names a row that is no JSON object in canonical form."""
        try:
            body = json.loads(self.body, parse_constant=_refuse)
        except (ValueError, RecursionError):  # no JSON, or nested without end
            body = None
        if not isinstance(body, dict):
            raise self.wrong("is unreadable")
        if canonical(body) != self.body:
            raise self.wrong("is not in canonical form: others may read other values in it")
        return body

    def content(self) -> kinds.Content:
        """Return what the row says; LedgerError names the row, and the field its kind forbids."""
        of_kind = kinds.KINDS.get(self.kind)
        if of_kind is None:
            raise self.wrong("is of an unknown kind")
        try:
            return parsed(of_kind, self.fields())
        except ValueError as error:
            raise self.wrong(str(error)) from None

    def wrong(self, text: str) -> LedgerError:
        return LedgerError(f"row {self.seq} ({self.kind}) {text}")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def row_hash(previous: str, seq: int, kind: str, body: str) -> str:
    head = f"{previous}\n{seq}\n{kind}\n"
    return sha256((head + body).encode("utf-8", "surrogateescape")).hexdigest()


def chained(seq: int, previous: str, content: kinds.Content) -> Row:
    kind, body = kinds.kind_of(content), canonical(body_of(content))
    return Row(seq, kind, body, row_hash(previous, seq, kind, body))


def unbroken(rows: Iterable[Row], previous: str, where: object) -> Iterator[Row]:
    """Yield rows that continue the hash `previous`; LedgerError names the first that does not."""
    for row in rows:
        if row.hash != row_hash(previous, row.seq, row.kind, row.body):
            raise LedgerError(f"ledger {where}: row {row.seq} was altered; not continued")
        previous = row.hash
        yield row


def first_after(after: int) -> int:
    """Return the least number to read from; a row before row 1 is somebody's, and shown too."""
    return after + 1 if after else _LEAST


def account_of(board_id: int) -> str:
    return f"board:{board_id}"


def receipt_row(receipt: Receipt) -> kinds.ReceiptRow:
    """Show the fields in clear beside `raw`, which is what was signed."""
    has_granter = receipt.version > 1
    return kinds.ReceiptRow(
        board_id=receipt.board_id,
        epoch=receipt.epoch,
        transfer_id=receipt.transfer_id,
        role=receipt.role,
        peer=receipt.peer,
        energy_mJ=receipt.energy_mJ,
        duration_ms=receipt.duration_ms,
        peak_mW=receipt.peak_mW,
        peak_dC=receipt.peak_dC,
        ept=receipt.ept,
        soc_before_permille=receipt.soc_before_permille,
        soc_after_permille=receipt.soc_after_permille,
        odometer_mJ=receipt.odometer_mJ,
        raw=receipt.raw.hex(),
        group_id=receipt.group if has_granter else None,
        granter=receipt.granter if has_granter else None,
        flags=receipt.flags if has_granter else None,
    )


def sample_row(board_id: int, role: int, ack: Ack, t_ms: int) -> kinds.Sample:
    return kinds.Sample(
        transfer_id=ack.transfer_id,
        board_id=board_id,
        role=role,
        t_ms=t_ms,
        power_mW=ack.power_mW,
        energy_mJ=ack.energy_mJ,
        soc_permille=ack.soc_permille,
        coil_dC=ack.coil_dC,
    )


def meter_row(transfer_id: int, ack: Ack, beacon: Beacon, t_ms: int) -> kinds.Meter:
    """Return what a meter shows while a transfer runs; `transfer_id` 0: at rest."""
    return kinds.Meter(
        board_id=beacon.board_id,
        transfer_id=transfer_id,
        t_ms=t_ms,
        soc_permille=ack.soc_permille,
        energy_mJ=ack.energy_mJ if transfer_id else 0,
        bus_mV=beacon.bus_mV,
        current_mA=beacon.current_mA,
    )


def claim_row(receipt: Receipt, t_ms: int) -> kinds.Claim:
    return kinds.Claim(
        board_id=receipt.board_id,
        transfer_id=receipt.transfer_id,
        role=receipt.role,
        peer=receipt.peer,
        energy_mJ=receipt.energy_mJ,
        raw=receipt.raw.hex(),
        t_ms=t_ms,
    )


def passed_row(receipt: Receipt, finder: str) -> kinds.Passed:
    """Return the row for a receipt of ours that another site has found."""
    return kinds.Passed(
        finder=finder,
        board_id=receipt.board_id,
        transfer_id=receipt.transfer_id,
        role=receipt.role,
        energy_mJ=receipt.energy_mJ,
        raw=receipt.raw.hex(),
    )


def receipt_of(row: kinds.ReceiptRow) -> Receipt:
    """Return what was signed; ValueError if `raw` is no receipt."""
    return unpacked(row.raw)


def unpacked(raw: str) -> Receipt:
    """Return what was signed, given in hex; ValueError if that is no receipt."""
    try:
        return Receipt.unpack(bytes.fromhex(raw))
    except ValueError:
        raise ValueError("holds no receipt") from None


def gap_row(before: Receipt, after: Receipt) -> kinds.Gap:
    """Energy between two receipts that no receipt in this ledger explains."""
    return kinds.Gap(after.board_id, after.role, after.epoch, before.odometer_mJ, after.start_mJ)
