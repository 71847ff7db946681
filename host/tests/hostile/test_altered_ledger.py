# SPDX-License-Identifier: MIT
"""Every field of every kind of row, altered in the file by whoever can write it, is found."""

import json
import sqlite3
from hashlib import sha256

import pytest

from crowdcharge.boards.models import Receipt
from crowdcharge.ledger import kinds
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.rows import claim_row, passed_row
from crowdcharge.ledger.settlement import TransferRecord, settlement
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import verify
from wptcore import auth, ept, wire

KEY = bytes(range(32))


def signed(*fields: int) -> Receipt:
    body = wire.pack_receipt(*fields)
    return Receipt.unpack(body + auth.receipt_tag(sha256, KEY, body))


def contents() -> list[kinds.Content]:
    """One of each kind, in an order that makes sense."""
    early = signed(1, 1, 6, wire.PTX, 2, 10, 50, 90, 250, ept.STOPPED, 600, 599, 10)
    sent = signed(1, 1, 7, wire.PTX, 2, 4000, 900, 3900, 300, ept.ENERGY_BUDGET, 600, 590, 4500)
    received = signed(2, 1, 7, wire.PRX, 1, 2500, 900, 2500, 300, ept.PEER_ENDED, 300, 308, 2500)
    found = signed(2, 1, 6, wire.PRX, 1, 0, 50, 90, 250, ept.STOPPED, 600, 599, 0)
    book = Book()
    return [
        kinds.Run("p", seed=1, vm=None, started_unix_s=1),
        kinds.SiteRow("north", number=2),
        kinds.Reward("yard", rule="received", allowance_mJ=9000),
        kinds.Reading(1, 1, 600, sent_mJ=0, received_mJ=0, capacity_mJ=9, t_ms=3),
        kinds.Open(6, 1, 2, energy_max_mJ=4000, power_max_mW=0, t_ms=5),
        kinds.Open(7, 1, 2, energy_max_mJ=4000, power_max_mW=0, t_ms=5),
        kinds.Open(8, 1, 2, energy_max_mJ=4000, power_max_mW=0, t_ms=5),
        kinds.Member(8, head_id=8, group_id=5, rule="equal"),
        kinds.Refusal(6, 2, 0xC8, "BUSY", t_ms=6),
        kinds.Sample(
            7, 1, wire.PTX, 8, power_mW=3900, energy_mJ=100, soc_permille=598, coil_dC=280
        ),
        kinds.Meter(1, 7, 8, 598, energy_mJ=100, bus_mV=3700, current_mA=1050),
        kinds.Fault(1, 3, "OVER_TEMPERATURE", raised=True, t_ms=9),
        *book.admit([early, sent, received]),
        passed_row(found, "south"),
        kinds.MarketRow(1, "00", 0, price=5, confirmed=True, takes=(), void="", t_ms=4),
        *settlement(TransferRecord(7, 1, 2, 4000, 5), sent, received),
        kinds.Credit(7, "yard", debtor=2, creditor=1, amount_mJ=2500),
        kinds.Bargain(1, 7, seller=1, buyer=2, price=5, energy_mJ=4000),
        kinds.Payment(7, payer=2, payee=1, received_mJ=2500, amount_u=12_500),
        claim_row(received, 9),
    ]


@pytest.fixture
def ledger(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with Store.create(path) as store:
        store.append(contents())
    return path


def findings(path) -> list[str]:
    with Store.read(path) as store:
        return [str(each) for each in verify(store.rows(), {1: KEY, 2: KEY}) if each.wrong]


def other(value: object) -> object:
    """Another value of its kind."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, list):
        return [*value, 1]
    return (
        value + 1 if isinstance(value, int) else value[:-1] + ("1" if value[-1:] == "0" else "0")
    )


def alter(path, seq: int, column: str, value: object) -> None:
    with sqlite3.connect(path) as db:
        db.execute("DROP TRIGGER no_update")
        db.execute(f"UPDATE journal SET {column} = ? WHERE seq = ?", (value, seq))


def rows_of(path) -> list[tuple[int, str, dict]]:
    with Store.read(path) as store:
        return [(row.seq, row.kind, row.fields()) for row in store.rows()]


def test_every_kind_is_there_and_nothing_is_wrong(ledger):
    assert {kind for _, kind, _ in rows_of(ledger)} == kinds.KINDS.keys()
    trade = ("(market)", "(bargain)", "(payment)")  # nobody has signed a take here
    assert [each for each in findings(ledger) if not any(kind in each for kind in trade)] == []


def test_every_altered_field_of_every_row_is_found(ledger, tmp_path):
    original = ledger.read_bytes()
    for seq, kind, fields in rows_of(ledger):
        for name, value in fields.items():
            ledger.write_bytes(original)
            changed = json.dumps({**fields, name: other(value)}, sort_keys=True,
                                 separators=(",", ":"))  # fmt: skip
            alter(ledger, seq, "body", changed)
            found = findings(ledger)
            assert any(each.startswith(f"row {seq}:") for each in found), (kind, name)


def test_every_altered_column_is_found(ledger):
    original = ledger.read_bytes()
    for seq, kind, _ in rows_of(ledger):
        for column, value in (("kind", "run"), ("hash", "0" * 64), ("seq", seq + 1000)):
            ledger.write_bytes(original)
            alter(ledger, seq, column, value)
            assert findings(ledger) or (column, kind) == ("kind", "run"), (seq, column)


def test_a_row_taken_out_is_found_unless_it_was_the_last(ledger):
    """What a chain cannot show: that rows at its end never were. The boards' receipts can."""
    original = ledger.read_bytes()
    seqs = [seq for seq, _, _ in rows_of(ledger)]
    for seq in seqs[:-1]:
        ledger.write_bytes(original)
        with sqlite3.connect(ledger) as db:
            db.execute("DROP TRIGGER no_delete")
            db.execute("DELETE FROM journal WHERE seq = ?", (seq,))
        assert findings(ledger), seq
