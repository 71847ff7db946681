# SPDX-License-Identifier: MIT
"""Forgeries by somebody who can compute hashes, judged by us and by an outsider.

Each is found, or what it touched is counted as something that nobody signed. The outsider's check
is the two listings of docs/reference/ledger.md; the first alone, 60 lines, may only count more.
"""

import ast
import sqlite3
import sys
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from crowdcharge.ledger import kinds
from crowdcharge.ledger.bodies import body_of, canonical
from crowdcharge.ledger.payments import payments_due
from crowdcharge.ledger.rows import FIRST_HASH, passed_row, receipt_row, row_hash
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import judge
from wptcore import auth, ept, wire

from .forging import Drafts, after, at, change, no_transfer, rewritten, swap, twice, without
from .outsider import LISTINGS, judged

KEYS = {1: bytes([1]) * 32, 2: bytes([2]) * 32}
PRICE, SESSION = 30 << 48, bytes(16)


def take(board_id, energy_mJ):
    price = PRICE.to_bytes(16, "little", signed=True)
    body = wire.pack_take(board_id, SESSION, price, energy_mJ)
    tag = auth.take_tag(sha256, KEYS[board_id], body)
    return kinds.MarketTake(board_id, energy_mJ, tag.hex())


def honest(store, signed, settle, opening):
    """Transfers of every state, a gap, a ping, a sale, and every other kind of row."""
    reading = kinds.Reading(1, 1, 900, sent_mJ=0, received_mJ=0, capacity_mJ=100_000, t_ms=1)
    site = kinds.SiteRow("north", 2)
    store.append([kinds.Run("online-average", 1, None, 1), site, reading])
    store.append([kinds.Reward("yard", "received", 680)])
    store.append([opening(4), kinds.Refusal(4, 2, 0xC8, "BUSY", t_ms=2)])
    settle(store, 4)  # void
    store.append([opening(5), kinds.Sample(5, 1, 1, 9, 2500, 10, 890, 250)])
    settle(store, 5, signed(1, 5, wire.PTX, 1000), signed(2, 5, wire.PRX, 600))
    store.append([opening(6, prx=0)])
    settle(store, 6, signed(1, 6, wire.PTX, 40, peer=0, odometer_mJ=1040))
    takes = (take(1, 300), take(2, -300))
    store.append([kinds.MarketRow(1, SESSION.hex(), 2, PRICE, True, takes, "", t_ms=3)])
    store.append([opening(7), kinds.Bargain(1, 7, seller=1, buyer=2, price=PRICE, energy_mJ=300)])
    settle(
        store,
        7,
        signed(1, 7, wire.PTX, 460, odometer_mJ=1700),
        signed(2, 7, wire.PRX, 300, odometer_mJ=900),
    )
    store.append(payments_due(store.book))
    fault = kinds.Fault(2, ept.LEASE_LOST, "LEASE_LOST", raised=True, t_ms=30)
    store.append([fault])
    store.append([opening(8)])
    settle(store, 8, signed(1, 8, wire.PTX, 50, odometer_mJ=1750))  # one-sided
    store.append([opening(9)])
    settle(
        store,
        9,
        signed(1, 9, wire.PTX, 10, odometer_mJ=1760),
        signed(2, 9, wire.PRX, 36_000, odometer_mJ=36_900),
    )  # disputed
    store.append([opening(11), passed_row(signed(1, 11, wire.PTX, 70), "south")])
    settle(store, 11, signed(2, 11, wire.PRX, 40, odometer_mJ=36_940))
    store.append([opening(10)])
    settle(
        store,
        10,
        signed(1, 10, wire.PTX, 100, odometer_mJ=1860),
        signed(2, 10, wire.PRX, 60, odometer_mJ=37_000),
    )
    store.append([kinds.Reading(1, 1, 870, 1860, 0, capacity_mJ=100_000, t_ms=40)])
    store.append([kinds.Reading(2, 1, 150, 0, 37_000, capacity_mJ=100_000, t_ms=41)])


@pytest.fixture
def drafts(tmp_path, signed, settle_in, open_row) -> Drafts:
    with Store.create(tmp_path / "honest.sqlite") as store:
        honest(store, signed, settle_in, open_row)
        return [(row.kind, row.fields()) for row in store.rows()]


def written(path: Path, drafts: Drafts) -> Path:
    """Write a file with a chain of its own, as a forger does who has the ledger and time."""
    Store.create(path).close()
    previous = FIRST_HASH
    with sqlite3.connect(path) as db:
        for seq, (kind, body) in enumerate(drafts, start=1):
            text = body if isinstance(body, str) else canonical(body)
            previous = row_hash(previous, seq, kind, text)
            db.execute("INSERT INTO journal VALUES (?, ?, ?, ?)", (seq, kind, text, previous))
    return path


def entry(transfer_id, account, amount_mJ):
    return "entry", body_of(kinds.Entry(transfer_id, account, amount_mJ))


def state(transfer_id, stands, ept_ptx=None, ept_prx=None):
    return "state", body_of(kinds.State(transfer_id, stands, ept_ptx, ept_prx))


def forged_receipt(signed):
    """Forge a receipt of a board that no key is known of."""
    return receipt_row(signed(1, 11, wire.PTX, 5, odometer_mJ=5, key=b"x" * 32))


OPEN_11 = ("open", body_of(kinds.Open(11, 1, 2, 5000, 0, 50)))
INVENTED = (
    OPEN_11,
    entry(11, "board:1", -9),
    entry(11, "board:2", 9),
    state(11, "settled", 0x80, 0x82),
)
REVERSED = (entry(5, "board:1", 1000), entry(5, "board:2", -600), entry(5, "loss", -400))
FAULT = {"board_id": 2, "code": 0x84, "name": "X", "raised": False, "t_ms": 3}


class Forgery(NamedTuple):
    """`ours` and `theirs`: "found", or the name under which it is counted as unsigned.

    "key": found with keys, and counted among the unchecked signatures without. `alone`: as what
    the first listing counts what only the second finds.
    """

    forge: Any
    ours: str = "found"
    theirs: str = "found"
    alone: str = ""


FORGERIES = {
    "settled without receipts": Forgery(after("state", *INVENTED)),
    "a contradiction shown as settled": Forgery(
        change("state", {"state": "settled"}, transfer_id=9)
    ),
    "an honest transfer shown as disputed": Forgery(
        change("state", {"state": "disputed"}, transfer_id=5)
    ),
    "an honest transfer shown as void": Forgery(change("state", {"state": "void"}, transfer_id=5)),
    "one-sided shown as settled": Forgery(change("state", {"state": "settled"}, transfer_id=8)),
    "a state of no kind": Forgery(change("state", {"state": "fine"}, transfer_id=5)),
    "another end code of the donor": Forgery(change("state", {"ept_ptx": 1}, transfer_id=5)),
    "another end code of the receiver": Forgery(change("state", {"ept_prx": None}, transfer_id=5)),
    "a state of another transfer": Forgery(change("state", {"transfer_id": 4}, transfer_id=5)),
    "a state taken out": Forgery(without("state", transfer_id=5)),
    "a state twice": Forgery(twice("state", transfer_id=5)),
    "reopened after its close": Forgery(after("state", state(5, "open"))),
    "a posting after the close": Forgery(
        after("state", entry(5, "board:1", -1), entry(5, "loss", 1))
    ),
    "a transfer booked backwards": Forgery(after("state", *REVERSED)),
    "booked backwards and closed as void": Forgery(after("state", *REVERSED, state(5, "void"))),
    "a posting altered": Forgery(change("entry", {"amount_mJ": -999}, account="board:1")),
    "two postings altered alike": Forgery(
        lambda drafts: (
            change("entry", {"amount_mJ": -1100}, account="board:1")(drafts),
            change("entry", {"amount_mJ": 500}, account="loss")(drafts),
        )
    ),
    "a posting on another's account": Forgery(
        change("entry", {"account": "board:9"}, account="board:2")
    ),
    "a posting as text": Forgery(change("entry", {"amount_mJ": "-1000"}, account="board:1")),
    "a posting as a fraction": Forgery(rewritten("entry", "-1000", "-1000.0")),
    "true for a number": Forgery(rewritten("receipt", '"role":1', '"role":true')),
    "a posting taken out": Forgery(without("entry", account="loss")),
    "a posting twice": Forgery(twice("entry")),
    "postings that cancel out": Forgery(
        after("receipt", entry(5, "board:1", 7), entry(5, "board:1", -7), number=1)
    ),
    "a key twice in a body": Forgery(
        rewritten("entry", '"amount_mJ":', '"amount_mJ":-1,"amount_mJ":')
    ),
    "spaces in a body": Forgery(rewritten("entry", ":", ": ")),
    "keys out of order": Forgery(
        lambda drafts: drafts.__setitem__(
            0, ("run", '{"seed":1,"policy":"online-average","started_unix_s":1,"vm":null}')
        )
    ),
    "a receipt that shows more": Forgery(change("receipt", {"energy_mJ": 2000})),
    "a receipt that shows another end": Forgery(change("receipt", {"ept": 1})),
    "a receipt with text for a number": Forgery(change("receipt", {"peak_mW": "2500"})),
    "a receipt taken out": Forgery(without("receipt")),
    "a receipt twice": Forgery(twice("receipt")),
    "a receipt cut short": Forgery(rewritten("receipt", '"raw":"02', '"raw":"')),
    "a gap taken out": Forgery(without("gap")),
    "a gap of another size": Forgery(change("gap", {"to_mJ": 1241})),
    "a gap that hides nothing": Forgery(
        after("state", ("gap", body_of(kinds.Gap(1, 1, 1, 1750, 1800))))
    ),
    "receipts out of order": Forgery(swap("gap")),
    "a transfer opened twice": Forgery(twice("open", transfer_id=5)),
    "an open taken out": Forgery(without("open", transfer_id=5)),
    "other boards in an open": Forgery(change("open", {"prx": 3}, transfer_id=5)),
    "another number in an open": Forgery(change("open", {"transfer_id": 77}, transfer_id=5)),
    "a whole transfer taken out": Forgery(no_transfer(7)),
    "a last transfer taken out": Forgery(no_transfer(10), "note", "reading"),
    "receipts that were never settled": Forgery(
        lambda drafts: drafts.__delitem__(
            slice(at(drafts, "entry", transfer_id=10), at(drafts, "credit", transfer_id=10) + 1)
        ),
        "found",
        "unsettled",
    ),
    "other limits in an open": Forgery(change("open", {"energy_max_mJ": 1}), "open", "open"),
    "another charge in a reading": Forgery(
        change("reading", {"soc_permille": 1}), "reading", "reading"
    ),
    "another power in a sample": Forgery(change("sample", {"power_mW": 1}), "sample", "sample"),
    "another policy in a run": Forgery(change("run", {"policy": "x"}), "run", "run"),
    "another code in a refusal": Forgery(change("refusal", {"code": 1}), "refusal", "refusal"),
    "an invented fault": Forgery(
        after("fault", ("fault", {**FAULT, "raised": True})), "fault", "fault"
    ),
    "a fault cleared that never stood": Forgery(after("fault", ("fault", FAULT)), theirs="fault"),
    "a refusal by a stranger": Forgery(change("refusal", {"board_id": 3}), theirs="refusal"),
    "a charge out of range": Forgery(change("reading", {"soc_permille": -1}), theirs="reading"),
    "a payment altered": Forgery(change("payment", {"amount_u": 1}), theirs="payment"),
    "a payment for more": Forgery(change("payment", {"received_mJ": 900}), theirs="payment"),
    "a payment twice": Forgery(twice("payment"), theirs="payment"),
    "a payment taken out": Forgery(without("payment"), "note", "bargain"),
    "a bargain at another price": Forgery(change("bargain", {"price": 1}), theirs="bargain"),
    "a bargain for more": Forgery(change("bargain", {"energy_mJ": 301}), theirs="bargain"),
    "a market made void": Forgery(change("market", {"void": "x"}), theirs="market"),
    "a take twice": Forgery(
        lambda drafts: drafts[at(drafts, "market")][1].update(
            takes=drafts[at(drafts, "market")][1]["takes"] * 2
        ),
        theirs="market",
    ),
    "another key's market": Forgery(
        change("market", {"price": PRICE + 1}), theirs="key", alone="market"
    ),
    "a passed receipt for more": Forgery(change("passed", {"energy_mJ": 71}), alone="passed"),
    "a passed receipt of another transfer": Forgery(change("passed", {"transfer_id": 10})),
    "a passed receipt twice": Forgery(twice("passed"), alone="passed"),
    "a credit for more": Forgery(change("credit", {"amount_mJ": 601}), alone="credit"),
    "a credit that the allowance cuts for more": Forgery(
        change("credit", {"amount_mJ": 60}, transfer_id=10),
        alone="credit",
    ),
    "a credit to another": Forgery(change("credit", {"creditor": 2}), alone="credit"),
    "a credit of another crowd": Forgery(change("credit", {"crowd": "field"}), alone="credit"),
    "a credit taken out": Forgery(without("credit"), alone="credit"),
    "the last credit taken out": Forgery(without("credit", number=-1), alone="credit"),
    "a credit twice": Forgery(twice("credit"), alone="credit"),
    "a credit for a sale": Forgery(
        after("state", ("credit", body_of(kinds.Credit(7, "yard", 2, 1, 100))), transfer_id=7),
        alone="credit",
    ),
    "a credit for a dispute": Forgery(
        after("state", ("credit", body_of(kinds.Credit(9, "yard", 2, 1, 10))), transfer_id=9),
        alone="credit",
    ),
    "a crowd without a rule": Forgery(without("reward"), alone="credit"),
    "an unknown rule": Forgery(change("reward", {"rule": "all"}), alone="reward"),
    "a rule that earns nothing": Forgery(change("reward", {"rule": "none"}), alone="reward"),
    "a smaller allowance": Forgery(change("reward", {"allowance_mJ": 500}), alone="reward"),
    "a larger allowance": Forgery(change("reward", {"allowance_mJ": 900}), alone="reward"),
    "an unknown kind": Forgery(after("run", ("bonus", {"mJ": 5})), theirs="bonus"),
    "an unknown field": Forgery(change("run", {"bonus": 5}), theirs="run"),
    "a forged signature": Forgery(
        lambda drafts: drafts[at(drafts, "receipt")][1].update(
            raw=drafts[at(drafts, "receipt")][1]["raw"][:-2] + "00"
        ),
        "key",
        "key",
    ),
}


@pytest.mark.parametrize("with_keys", [True, False], ids=["keys", "no keys"])
def test_an_honest_ledger_passes_both(tmp_path, drafts, with_keys):
    path = written(tmp_path / "copy.sqlite", drafts)
    verdict, (wrong, unsigned) = by_both(path, KEYS if with_keys else {})
    assert [str(each) for each in verdict.findings if each.wrong] == []
    assert wrong == ""
    assert verdict.unchecked.total() == (0 if with_keys else verdict.signatures)
    assert unsigned["signature"] == (0 if with_keys else 11)
    assert unsigned["take"] == (0 if with_keys else 2)
    assert unsigned["unsettled"] == verdict.unsettled == 0


def outsider(path, keys, *names):
    return judged(path, {board: [key] for board, key in keys.items()}, names)


def by_both(path, keys):
    with Store.read(path) as store:
        verdict = judge(store.rows(), keys)
    return verdict, outsider(path, keys, "check", "further")


@pytest.mark.parametrize("with_keys", [True, False], ids=["keys", "no keys"])
@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_found_or_counted(tmp_path, drafts, name, with_keys):
    forgery = FORGERIES[name]
    untouched = deepcopy(drafts)
    forgery.forge(drafts)
    assert drafts != untouched
    path = written(tmp_path / "forged.sqlite", drafts)
    keys = KEYS if with_keys else {}
    verdict, theirs = by_both(path, keys)
    notes = [str(each) for each in verdict.findings if not each.wrong]
    assert expected(forgery.ours, with_keys) == (
        "found" if verdict.is_wrong else "note" if forgery.ours == "note" and notes else
        "signature" if forgery.ours == "key" and verdict.unchecked else
        forgery.ours if verdict.unsigned[forgery.ours] else "passed"
    ), [str(each) for each in verdict.findings]  # fmt: skip
    assert_judged(theirs, forgery.theirs, with_keys)
    assert_judged(outsider(path, keys, "check"), forgery.alone or forgery.theirs, with_keys)


def test_rows_cut_off_the_end_are_found(tmp_path, drafts):
    path = written(tmp_path / "cut.sqlite", drafts)
    with sqlite3.connect(path) as db:
        names = db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in names:
            db.execute(f"DROP TRIGGER {name}")
        db.execute("DELETE FROM journal WHERE seq > ?", (len(drafts) - 2,))
    assert outsider(path, KEYS, "check")[0] == ""  # the chain is whole
    assert "are cut off" in outsider(path, KEYS, "further")[0]


HIDDEN = """
DROP TRIGGER no_replace;
INSERT INTO journal SELECT {seq}, 'entry', replace(body, '10', '11'), hash FROM journal
    WHERE kind = 'entry' LIMIT 1;
"""
# By whoever can write the file: rows and tables as they are, but for what SQL is told of them.
LIES = {
    "a row before the first": HIDDEN.format(seq=0),
    "a row far before the first": HIDDEN.format(seq=-(2**63)),
    "a view that says more": "DROP VIEW entries; CREATE VIEW entries AS SELECT seq,"
    " 5 AS transfer_id, 'board:1' AS account, 7 AS amount_mJ FROM journal;",
    "a view for the table": "ALTER TABLE journal RENAME TO kept;"
    " CREATE VIEW journal AS SELECT * FROM kept;",
    "a trigger that adds rows": "CREATE TRIGGER more AFTER INSERT ON journal BEGIN"
    " INSERT INTO journal(kind, body, hash) VALUES ('run', '{}', ''); END;",
    "another table": "CREATE TABLE journal2(seq);",
}


@pytest.mark.parametrize("name", LIES)
def test_a_file_that_lies_to_sql_is_found(tmp_path, drafts, name):
    path = written(tmp_path / "lies.sqlite", drafts)
    with sqlite3.connect(path) as db:
        (guard,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'no_replace'").fetchone()
        db.executescript(LIES[name] + (guard if "DROP TRIGGER" in LIES[name] else ""))
    with Store.read(path) as store:
        assert judge(store.rows(), KEYS).is_wrong or store.damage()
    assert outsider(path, KEYS, "check", "further")[0]


def assert_judged(outcome, how, with_keys):
    wrong, unsigned = outcome
    counted = {"key": "signature"}.get(how, how)
    stands = "found" if wrong else counted if unsigned[counted] else "passed"
    assert expected(how, with_keys) == stands, outcome


def expected(how, with_keys):
    if how != "key":
        return how
    return "found" if with_keys else "signature"


def test_there_are_forty_and_more():
    assert len(FORGERIES) >= 40


def test_the_first_listing_has_sixty_lines_and_both_use_the_standard_library_only():
    first, second = LISTINGS
    assert len([line for line in first.splitlines() if line.strip()]) <= 60
    nodes = [node for listing in LISTINGS for node in ast.walk(ast.parse(listing))]
    assert not any(isinstance(node, ast.ImportFrom) for node in nodes)
    imported = [
        alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names
    ]
    assert set(imported) <= sys.stdlib_module_names
    assert max(map(len, (first + second).splitlines())) <= 99
