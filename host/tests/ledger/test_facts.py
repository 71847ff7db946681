# SPDX-License-Identifier: MIT
"""`ledger export --format parquet`: read by others, it adds up to what plain SQLite says."""

import re
import sqlite3
from collections import Counter
from dataclasses import fields
from pathlib import Path

import duckdb
import pandas
import pytest
from click.testing import CliRunner
from pyarrow import parquet

from crowdcharge.cli.ledger import ledger
from crowdcharge.errors import InputError, LedgerError
from crowdcharge.ledger import kinds
from crowdcharge.ledger.facts import COLUMNS, facts
from crowdcharge.ledger.rows import FIRST_HASH, chained
from crowdcharge.ledger.store import Store

OLD = Path(__file__).parent / "before_the_move"
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "ledger.md"


def export(*arguments):
    return CliRunner().invoke(ledger, ["export", *map(str, arguments)], catch_exceptions=False)


def asked(query):
    with duckdb.connect() as db:
        return db.execute(query).fetchall()


@pytest.fixture(params=["demo", "trade", "every_kind"])
def exported(request, tmp_path):
    """Return an SQLite connection to a ledger, and the Parquet file made of it."""
    out = tmp_path / "facts.parquet"
    source = OLD / request.param / "ledger.sqlite"
    assert export(source, "--format", "parquet", "--out", out).output == ""
    db = sqlite3.connect(f"file:{source}?mode=ro&immutable=1", uri=True)
    yield db, out
    db.close()


SUMS = {
    "sent": ("SELECT sum(energy_mJ) FROM receipts WHERE role = 1", "receipt", "energy_mJ", 1),
    "received": ("SELECT sum(energy_mJ) FROM receipts WHERE role = 2", "receipt", "energy_mJ", 2),
    "booked": ("SELECT sum(max(amount_mJ, 0)) FROM entries", "entry", "amount_mJ", None),
    "granted": ("SELECT sum(energy_max_mJ) FROM transfers", "open", "energy_max_mJ", None),
    "paid": ("SELECT sum(received_mJ) FROM payments", "payment", "received_mJ", None),
}


@pytest.mark.parametrize("name", SUMS)
def test_energy_adds_up_to_the_views(exported, name):
    db, out = exported
    query, kind, column, role = SUMS[name]
    (wanted,) = db.execute(query).fetchone()
    read = pandas.read_parquet(out)
    picked = read[(read.kind == kind) & (True if role is None else read.role == role)][column]
    assert picked.clip(lower=0).sum() == (wanted or 0)
    where = f"kind = '{kind}'" + (f" AND role = {role}" if role else "")
    assert asked(f"SELECT sum(greatest({column}, 0)) FROM '{out}' WHERE {where}") == [(wanted,)]


def test_every_row_is_there_with_its_hash(exported):
    db, out = exported
    rows = db.execute("SELECT seq, kind, hash FROM journal").fetchall()
    query = f"SELECT seq, kind, hash FROM '{out}' WHERE kind <> 'take' ORDER BY seq"
    assert asked(query) == rows


def test_takes_and_prices_of_markets(exported):
    db, out = exported
    query = "SELECT json_array_length(takes) FROM markets"
    takes = Counter({"take": sum(count for (count,) in db.execute(query))})
    read = pandas.read_parquet(out)
    assert (read.kind == "take").sum() == takes["take"]
    for seq, price in db.execute("SELECT seq, price FROM bargains"):
        found = read[read.seq == seq].price_per_Wh.item()
        assert found == pytest.approx(price / 2**48, rel=1e-15)


def test_the_columns_are_typed_and_always_the_same(exported):
    _, out = exported
    schema = parquet.read_schema(out)
    assert schema.names == list(COLUMNS)
    arrow = {int: "int64", float: "double", str: "string", bool: "bool"}
    assert [str(each.type) for each in schema] == [arrow[kind] for kind in COLUMNS.values()]


def test_no_field_is_left_out_and_the_page_names_each():
    told = {"price": "price_per_Wh", "takes": "kind"}
    for kind in (*kinds.KINDS.values(), kinds.MarketTake):
        for field in fields(kind):
            assert told.get(field.name, field.name) in COLUMNS
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in COLUMNS if name not in page] == []


def test_runs_are_counted():
    contents = [kinds.Run("x", 1, None), kinds.Gap(1, 1, 1, 0, 5), kinds.Run("y", 2, None)]
    rows = [chained(seq, FIRST_HASH, each) for seq, each in enumerate(contents, 1)]
    assert [fact["run"] for fact in facts(rows)] == [1, 1, 2]


def test_half_a_surrogate_pair_becomes_its_escape(tmp_path):
    path, out = tmp_path / "ledger.sqlite", tmp_path / "facts.parquet"
    with Store.create(path) as store:
        store.append([kinds.Run("\ud800", 1, None)])
    export(path, "--format", "parquet", "--out", out)
    assert pandas.read_parquet(out).policy.item() == "\\ud800"


def test_what_no_column_holds_is_named(tmp_path):
    path, out = tmp_path / "ledger.sqlite", tmp_path / "facts.parquet"
    out.write_bytes(b"before")
    with Store.create(path) as store:
        store.append([kinds.Gap(1, 1, 1, 0, 1 << 63)])
    with pytest.raises(LedgerError, match=r"row 1 \(gap\) gives to_mJ more than the 64 bits"):
        export(path, "--format", "parquet", "--out", out)
    assert out.read_bytes() == b"before"
    assert sorted(tmp_path.iterdir()) == [out, path]


def test_a_parquet_file_needs_a_place_and_not_the_ledgers(ledger_file):
    with pytest.raises(InputError, match="give --out FILE"):
        export(ledger_file, "--format", "parquet")
    with pytest.raises(InputError, match="is the ledger itself"):
        export(ledger_file, "--out", ledger_file)


@pytest.mark.parametrize("layout", ["csv", "json"])
def test_a_file_takes_what_the_terminal_would(ledger_file, tmp_path, layout):
    said = export(ledger_file, "--format", layout).stdout_bytes
    assert said
    assert export(ledger_file, "--format", layout, "--out", tmp_path / "out").output == ""
    assert (tmp_path / "out").read_bytes() == said


def test_the_query_of_the_page(exported):
    db, out = exported
    (query,) = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    where = "account LIKE 'board:%' AND amount_mJ < 0"
    (sent_mJ,) = db.execute(f"SELECT sum(-amount_mJ) FROM entries WHERE {where}").fetchone()
    rows = asked(query.replace("FACTS.parquet", str(out)))
    assert sum(sent_J for _run, sent_J in rows) == pytest.approx(sent_mJ / 1000)
