# SPDX-License-Identifier: MIT
"""A run whose database goes and comes: nothing waits for it, nothing is lost, nothing is twice."""

import shutil
import time
from contextlib import closing, contextmanager, suppress

import pytest
from click.testing import CliRunner

from crowdcharge.cli.ledger import ledger
from crowdcharge.errors import InputError, LedgerAway
from crowdcharge.ledger import forwarder, kinds
from crowdcharge.ledger import postgres_schema as schema
from crowdcharge.ledger.forwarder import Forwarder
from crowdcharge.ledger.postgres_rows import PostgresRows, create
from crowdcharge.ledger.sqlite_rows import SqliteRows
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import judge
from crowdcharge.orchestrator.run_folder import LEDGER, RunFolder

from ..ledger.conftest import KEYS, fill, opening
from ..ledger.test_old_ledgers import OLD
from .cluster import OWNER, PASSWORD, SERVICE, rows_in

pytestmark = pytest.mark.program("initdb", "postgresql")

RUN = kinds.Run("p", 1, None)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(forwarder, "_POLL_s", 0.02)
    monkeypatch.setattr(forwarder, "_PAUSE_MAX_s", 0.1)
    monkeypatch.setattr(forwarder, "_SILENT_s", 1.0)


@pytest.fixture
def up(cluster):
    """Give the cluster, and have it run again after the test."""
    yield cluster
    with suppress(AssertionError):  # it runs already
        cluster.start()


@contextmanager
def running(folder, books, lines):
    """Open a run's ledger as every run does; `lines` gets what its user is told."""
    spool = folder / LEDGER
    with RunFolder(folder).recording(RUN, Forwarder(spool, books, lines.append)) as store:
        yield store


def wait_for(done):
    end_s = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def test_a_run_is_in_both_places_while_it_goes_on_and_at_its_end(tmp_path, books):
    lines = []
    with running(tmp_path, books, lines) as store:
        fill(store)
        wait_for(lambda: rows_in(books) == list(store.rows()))
        store.append([opening(9)])
    assert rows_in(books) == rows_in(tmp_path / LEDGER) and not lines
    assert [each.name for each in tmp_path.glob("ledger*")] == [LEDGER]
    with Store.read(books) as store:
        assert not judge(store.rows(), KEYS).is_wrong


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_database_that_goes_in_the_middle_of_writing_catches_up(tmp_path, books, up, mode):
    lines = []
    with running(tmp_path, books, lines) as store:
        for number in range(1, 301):
            store.append([opening(number)])
            if number == 100:
                wait_for(lambda: len(rows_in(books)) > 50)
                up.stop(mode)
                began_s = time.monotonic()
            if number == 200:
                assert time.monotonic() - began_s < 5  # the run waits for its own disk only
                wait_for(lambda: lines)
                up.start()
        wait_for(lambda: len(lines) == 2)
    assert "does not answer" in lines[0] and str(tmp_path / LEDGER) in lines[0]
    assert "is written to again" in lines[1]
    assert rows_in(books) == rows_in(tmp_path / LEDGER)
    assert len(rows_in(books)) == 301


def test_a_database_that_is_away_at_the_start_gets_all_rows_later(tmp_path, books, up):
    with running(tmp_path, books, []) as store:
        store.append([opening(1)])
    up.stop()
    lines = []
    with running(tmp_path, books, lines) as store:
        assert len(lines) == 1 and "does not answer" in lines[0]
        store.append([opening(2)])
        up.start()
        wait_for(lambda: len(lines) == 2)
    assert rows_in(books) == rows_in(tmp_path / LEDGER)


def test_what_waits_at_the_end_is_said_and_written_by_the_next_run(tmp_path, books, up):
    spool = tmp_path / LEDGER
    with running(tmp_path, books, []):
        pass
    up.stop()
    lines = []
    with running(tmp_path, books, lines) as store:
        store.append([opening(2)])
    assert len(lines) == 2 and f"rows wait in {spool}" in lines[1]
    up.start()
    url = up.text(books.database, "north")
    verify = CliRunner().invoke(ledger, ["verify", url, "--spool", str(spool)])
    assert not verify.exit_code and f"note: 2 rows wait in {spool}" in verify.output
    with running(tmp_path, books, []):
        pass
    assert rows_in(books) == rows_in(spool)
    assert "wait" not in CliRunner().invoke(ledger, ["verify", url, "--spool", str(spool)]).output


def test_nothing_is_said_to_wait_if_all_was_written(tmp_path, books, up):
    lines = []
    with running(tmp_path, books, lines) as store:
        wait_for(lambda: rows_in(books) == list(store.rows()))
        time.sleep(0.1)
        up.stop()
    assert not any("the next run writes them" in line for line in lines)


def test_a_backup_of_the_file_fetches_what_it_lacks(tmp_path, books):
    with running(tmp_path, books, []) as store:
        store.back_up(tmp_path / "backup")
        fill(store)
    (tmp_path / "backup").replace(tmp_path / LEDGER)
    with running(tmp_path, books, []) as store:
        assert len(store.book.transfers) == 3
    assert rows_in(books) == rows_in(tmp_path / LEDGER)


def test_without_a_file_nobody_knows_where_the_chain_ends(tmp_path, books, up):
    up.stop()
    with pytest.raises(InputError, match="nobody knows where"):
        RunFolder(tmp_path).recording(RUN, Forwarder(tmp_path / LEDGER, books, print)).__enter__()
    assert not (tmp_path / LEDGER).exists()
    with pytest.raises(LedgerAway):
        Store.read(books)


def test_a_lost_file_is_fetched_and_continued(tmp_path, books):
    with running(tmp_path / "old", books, []) as store:
        fill(store)
    with running(tmp_path / "new", books, []) as store:
        assert len(store.book.transfers) == 3 and len(store.book.runs) == 3
        store.append([opening(20)])
    assert rows_in(books) == rows_in(tmp_path / "new" / LEDGER)
    with running(tmp_path / "old", books, []) as store:  # and the old one catches up too
        assert 20 in store.book.transfers


def test_two_services_of_a_site_never_fork_its_chain(tmp_path, books):
    with running(tmp_path / "one", books, []) as store:
        with pytest.raises(InputError, match="another service writes to this site"):
            running(tmp_path / "two", books, []).__enter__()
        store.append([opening(9)])
    assert len(rows_in(books)) == 2


def test_a_site_is_held_for_a_service_that_fell_silent(tmp_path, books):
    """It has vanished, and the database has not noticed: the next one does not wait for that."""
    with running(tmp_path, books, []):
        pass
    ghost = PostgresRows.write(books)
    lines = []
    with running(tmp_path, books, lines) as store:
        store.append([opening(9)])
        assert len(lines) == 1 and "held for a service that fell silent" in lines[0]
        time.sleep(1.5)
        assert len(lines) == 1
        ghost.close()
        wait_for(lambda: len(lines) == 2)
    assert "is written to again; rows that had waited: 2" in lines[1]
    assert rows_in(books) == rows_in(tmp_path / LEDGER)


def test_a_new_folder_waits_until_a_silent_service_has_lost_its_site(tmp_path, books):
    ghost = PostgresRows.write(books)
    with pytest.raises(InputError, match=r"fell silent.*nobody knows where"):
        running(tmp_path, books, []).__enter__()
    ghost.close()


def test_another_chain_of_the_site_is_refused_and_nothing_is_changed(tmp_path, books):
    with running(tmp_path / "one", books, []):
        pass
    with RunFolder(tmp_path / "two").recording(kinds.Run("q", 2, None)):
        pass
    before = rows_in(tmp_path / "two" / LEDGER), rows_in(books)
    with pytest.raises(InputError, match="two chains: they differ by row 1"):
        running(tmp_path / "two", books, []).__enter__()
    assert before == (rows_in(tmp_path / "two" / LEDGER), rows_in(books))
    with running(tmp_path / "one", books, []):  # the site is free again
        pass


def test_a_database_that_is_dropped_and_made_anew_gets_every_row_again(tmp_path, books, cluster):
    name = books.database
    with running(tmp_path, books, []) as store:
        store.append([opening(1)])
        wait_for(lambda: rows_in(books) == list(store.rows()))
        cluster.sql(f"DROP DATABASE {name} WITH (FORCE)")
        cluster.sql(f"CREATE DATABASE {name}")
        create(cluster.url(name, user=OWNER), SERVICE)
        wait_for(lambda: rows_in(books) == list(store.rows()))


def test_ledgers_that_were_put_back_behind_a_run_get_what_they_lack(tmp_path, books, cluster):
    """As `pg_restore --clean --single-transaction` does; the run has nothing new to write."""
    anew = f"DROP SCHEMA crowdcharge CASCADE; {schema.SCHEMA} {schema.grants(SERVICE)}"
    with running(tmp_path, books, []) as store:
        store.append([opening(1)])
        wait_for(lambda: rows_in(books) == list(store.rows()))
        cluster.sql(f"BEGIN; {anew} COMMIT;", books.database)
        wait_for(lambda: rows_in(books) == list(store.rows()))


def test_rights_that_are_withdrawn_cost_the_run_nothing(tmp_path, books, cluster):
    lines = []
    with running(tmp_path, books, lines) as store:
        cluster.sql("REVOKE INSERT ON crowdcharge.journal FROM service", books.database)
        store.append([opening(1)])
        wait_for(lambda: lines)
        cluster.sql("GRANT INSERT ON crowdcharge.journal TO service", books.database)
        wait_for(lambda: len(lines) == 2)
    assert "right" in lines[0] and PASSWORD not in lines[0]
    assert rows_in(books) == rows_in(tmp_path / LEDGER)


def copy(*arguments):
    return CliRunner().invoke(ledger, ["copy", *map(str, arguments)])


def test_an_old_ledger_is_copied_row_by_row_and_then_caught_up(tmp_path, books, up):
    path = tmp_path / LEDGER
    with Store.create(path) as store:
        fill(store)
    url = up.text(books.database, "north")
    count = len(rows_in(path))
    assert f"rows written: {count}" in copy(path, url).output
    assert rows_in(path) == rows_in(books)
    with Store.create(path) as store:
        store.append([opening(30)])
    assert "rows written: 1" in copy(path, url).output
    assert "rows written: 0" in copy(path, url).output
    assert rows_in(path) == rows_in(books)


@pytest.mark.parametrize("name", ["demo", "trade", "every_kind"])
def test_a_ledger_of_earlier_code_is_the_same_there(tmp_path, books, up, name):
    path = tmp_path / LEDGER
    shutil.copy(OLD / name / "ledger.sqlite", path)
    assert copy(path, up.text(books.database, "north")).exit_code == 0
    assert rows_in(books) == rows_in(path) != []


def test_a_chain_that_does_not_fit_is_not_copied(tmp_path, books, up):
    with Store.create(books) as store:
        store.append([RUN])
    path = tmp_path / LEDGER
    with Store.create(path) as store:
        fill(store)
    done = copy(path, up.text(books.database, "north"))
    assert isinstance(done.exception, InputError) and "two chains" in str(done.exception)
    assert len(rows_in(books)) == 1


def test_a_damaged_ledger_is_copied_up_to_the_damage_at_most(tmp_path, books, up):
    path = tmp_path / LEDGER
    with closing(SqliteRows.write(path)):
        pass
    with Store.create(path) as store:
        fill(store)
    with closing(SqliteRows.write(path)) as kept:
        kept._db.execute("DROP TRIGGER no_update")
        kept._db.execute("UPDATE journal SET body = replace(body, '1', '2') WHERE seq = 3")
    done = copy(path, up.text(books.database, "north"))
    assert "row 3 was altered" in str(done.exception)
    assert not up.sql("SELECT * FROM crowdcharge.journal WHERE seq > 2", books.database, OWNER)
