# SPDX-License-Identifier: MIT
"""The file: append-only, all or nothing, and every damage is one clear line."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from crowdcharge.errors import InputError, LedgerError, WptError
from crowdcharge.ledger import kinds
from crowdcharge.ledger.settlement import SETTLED, VOID
from crowdcharge.ledger.sqlite_rows import SqliteRows
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import verify
from crowdcharge.metrics import imbalance
from crowdcharge.report.summary import summarise


def test_what_was_written_is_read_again(ledger_file):
    with Store.create(ledger_file) as store:
        states = {each.transfer_id: each.state for each in store.book.transfers.values()}
        assert states == {5: SETTLED, 6: VOID, 7: SETTLED}
        store.append([kinds.Run("x", None, None)])
    with Store.read(ledger_file) as store:
        assert len(store.load().runs) == 2
        assert verify(store.rows(), {})[-1].wrong is False
        assert store.damage() is None


def test_a_closed_ledger_is_one_plain_file(ledger_file):
    assert [each.name for each in ledger_file.parent.iterdir()] == [ledger_file.name]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET body = '{}' WHERE seq = 1",
        "DELETE FROM journal WHERE seq = 1",
        "INSERT OR REPLACE INTO journal VALUES (1, 'run', '{}', '')",
    ],
)
def test_rows_cannot_be_changed(ledger_file, statement):
    db = sqlite3.connect(ledger_file)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(statement)
    db.close()


def test_an_append_is_all_or_nothing(ledger_file, open_row):
    with Store.create(ledger_file) as store:
        before = len(list(store.rows()))
        with pytest.raises(TypeError):
            store.append([open_row(9), kinds.Run(object(), None, None)])
        assert len(list(store.rows())) == before
        assert 9 not in store.book.transfers
        store.append([open_row(9)])
        assert 9 in store.book.transfers


def test_what_could_not_be_read_again_is_not_written(ledger_file):
    with Store.create(ledger_file) as store:
        before = len(list(store.rows()))
        with pytest.raises(LedgerError, match=r"\(run\) gives seed a wrong type"):
            store.append([kinds.Run("x", 1.5, None)])
        assert len(list(store.rows())) == before


def test_an_altered_ledger_is_not_continued(ledger_file):
    db = sqlite3.connect(ledger_file)
    db.execute("DROP TRIGGER no_update")
    db.execute("UPDATE journal SET hash = replace(hash, 'a', 'b') WHERE seq = 3")
    db.commit()
    db.close()
    with pytest.raises(LedgerError, match="row 3 was altered"):
        Store.create(ledger_file)


def test_a_locked_ledger_is_an_error_and_loses_nothing(ledger_file, open_row):
    with Store.create(ledger_file) as store:
        other = sqlite3.connect(ledger_file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="locked"):
            store.append([open_row(9)])
        other.execute("ROLLBACK")
        other.close()
        store.append([open_row(9)])
        assert verify(store.rows(), {})[-1].wrong is False


def test_a_full_disk_is_an_error_and_loses_nothing(ledger_file, open_row):
    with Store.create(ledger_file) as store:
        pages = store._kept._db.execute("PRAGMA page_count").fetchone()[0]
        store._kept._db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(LedgerError, match="full"):
            store.append([kinds.Run("x" * 100_000, None, None)])
        store._kept._db.execute("PRAGMA max_page_count = 100000")
        store.append([open_row(9)])
        assert 9 in store.book.transfers


def test_a_second_writer_is_refused_and_the_first_goes_on(ledger_file, open_row):
    with Store.create(ledger_file) as one:
        with pytest.raises(InputError, match=r"is in use by another process \(process \d+\)"):
            Store.create(ledger_file)
        one.append([open_row(9)])
    with Store.create(ledger_file) as other:
        other.append([open_row(10)])


def test_who_gets_round_the_lock_is_told(ledger_file, open_row):
    """Windows has no lock, and a network's file system may lose one."""
    with Store.create(ledger_file) as one:
        ledger_file.with_name(f"{ledger_file.name}.lock").unlink()
        with Store.create(ledger_file) as other:
            one.append([open_row(9)])
            with pytest.raises(LedgerError, match="another process"):
                other.append([open_row(10)])


def test_a_reader_sees_a_running_ledger(ledger_file, open_row):
    with Store.create(ledger_file) as writer:
        writer.append([open_row(9)])
        with Store.read(ledger_file) as reader:
            assert 9 in reader.load().transfers


def test_what_is_held_stays_as_it_was_while_others_write(ledger_file, open_row):
    with Store.create(ledger_file) as writer, closing(SqliteRows.read(ledger_file)) as reader:
        newest = reader.length()
        reader.hold()
        writer.append([open_row(9)])
        assert [row.seq for row in reader.rows()][-1] == newest == reader.length()
    with closing(SqliteRows.read(ledger_file)) as reader:
        assert reader.length() == newest + 1


_DIES = """
import os, sys
from pathlib import Path
from crowdcharge.ledger.store import Store
store = Store.create(Path(sys.argv[1]))
store._kept._db.execute("BEGIN IMMEDIATE")
store._kept._db.execute("INSERT INTO journal SELECT max(seq) + 1, 'run', '{}', '' FROM journal")
os.kill(os.getpid(), 9)
"""


def test_a_killed_writer_leaves_whole_transactions(ledger_file):
    done = subprocess.run([sys.executable, "-c", _DIES, str(ledger_file)], check=False)
    assert done.returncode == -9
    with Store.create(ledger_file) as store:
        assert [each for each in verify(store.rows(), {}) if each.wrong] == []


@pytest.mark.parametrize("content", [b"not a database, but long enough to look at" * 9, b"x"])
def test_a_file_that_is_no_ledger_is_refused(tmp_path, content):
    path = tmp_path / "other"
    path.write_bytes(content)
    for way in (Store.read, Store.create):
        with pytest.raises(InputError, match="not a crowdcharge ledger"):
            way(path)
    assert path.read_bytes() == content


def test_someone_elses_database_is_not_touched(tmp_path):
    path = tmp_path / "other.sqlite"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE mine(x)")
    db.commit()
    db.close()
    before = path.read_bytes()
    for way in (Store.read, Store.create):
        with pytest.raises(InputError, match="not a crowdcharge ledger"):
            way(path)
    assert path.read_bytes() == before


def test_no_file_and_no_folder_are_told(tmp_path):
    with pytest.raises(InputError, match="no ledger at"):
        Store.read(tmp_path / "none")
    with pytest.raises(InputError, match="cannot open"):
        Store.create(tmp_path / "none" / "ledger.sqlite")


def test_altered_schema_and_cut_tail_are_found(ledger_file):
    for number, (statement, text) in enumerate(
        [
            ("DROP TRIGGER no_update", "triggers or views were altered"),
            ("DROP VIEW entries", "triggers or views were altered"),
            ("UPDATE sqlite_sequence SET seq = seq + 1", "missing"),
        ]
    ):
        path = ledger_file.with_name(f"altered-{number}")
        shutil.copy(ledger_file, path)
        db = sqlite3.connect(path)
        db.execute(statement)
        db.commit()
        db.close()
        with Store.read(path) as store:
            assert text in (store.damage() or "")


def judged(path):
    """Return what `ledger verify` would say: findings, damage, an error; "" when in order."""
    try:
        with Store.read(path) as store:
            findings = [str(each) for each in verify(store.rows(), {}) if each.wrong]
            return "".join(findings) or store.damage() or ""
    except WptError as error:
        return str(error)


def cells(path):
    """(start, end) of each row's text in the file."""
    data = path.read_bytes()
    with Store.read(path) as store:
        for row in store.rows():
            start = data.find(row.body.encode() + row.hash.encode())
            assert start > 0
            yield row.seq, start, start + len(row.body) + len(row.hash)


def test_a_byte_altered_in_the_file_is_found_and_its_row_named(ledger_file):
    data = ledger_file.read_bytes()
    for seq, start, end in cells(ledger_file):
        for at in {start, (start + end) // 2, end - 1}:
            altered = ledger_file.with_name("altered")
            altered.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            assert judged(altered).startswith(f"row {seq}:")


def test_any_byte_altered_in_the_file_is_judged_without_a_crash(ledger_file):
    """Free space and SQLite's own counters are not rows: there the verdict may be "in order"."""
    data = ledger_file.read_bytes()
    altered = ledger_file.with_name("altered")
    for at in range(0, len(data), 97):
        altered.write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        judged(altered)


def test_a_truncated_file_is_judged_without_a_crash(ledger_file):
    data = ledger_file.read_bytes()
    altered = ledger_file.with_name("altered")
    for size in range(0, len(data), 3001):
        altered.write_bytes(data[:size])
        assert judged(altered)


def test_the_views_show_columns_to_other_tools(ledger_file):
    db = sqlite3.connect(ledger_file)
    assert db.execute("SELECT sum(amount_mJ) FROM entries").fetchone() == (0,)
    assert db.execute("SELECT name FROM refusals").fetchall() == [("FLOOR",)]
    assert db.execute("SELECT count(*) FROM receipts").fetchone() == (4,)
    assert db.execute("SELECT power_mW FROM samples").fetchall() == [(1,)]
    db.close()


def test_the_summary_follows_from_the_book(ledger_file):
    with Store.read(ledger_file) as store:
        summary = summarise(store.load())
    assert [each["transfer_id"] for each in summary["transfers"]] == [5, 7]
    assert (summary["sent_mJ"], summary["received_mJ"], summary["loss_mJ"]) == (1500, 900, 600)
    assert summary["efficiency"] == pytest.approx(0.6)
    assert (summary["refusals"], summary["floor_cutoffs"]) == (1, 0)
    assert summary["imbalance_before"] == pytest.approx(0.4)
    assert [each["soc_after_pct"] for each in summary["boards"]] == [88.0, 11.0]
    assert {each["board_id"]: each["balance_mJ"] for each in summary["boards"]} == {
        1: -1500,
        2: 900,
    }


@pytest.mark.parametrize(
    ("levels", "distance"),
    [
        ([1, 1, 1], 0.0),
        ([1, 0], 0.5),
        ([3, 1], 0.25),
        ([], 0.0),
        ([0, 0], 0.0),
        ([4, 0, 0, 0], 0.75),
    ],
)
def test_imbalance_is_the_total_variation_distance(levels, distance):
    assert imbalance(levels) == pytest.approx(distance)
