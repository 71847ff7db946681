# SPDX-License-Identifier: MIT
"""A ledger in PostgreSQL: equal to the one in a file, and guarded by the database itself."""

import sqlite3
from contextlib import closing

import pytest
from click.testing import CliRunner

from crowdcharge.api import open_ledger
from crowdcharge.cli.ledger import ledger
from crowdcharge.errors import InputError, LedgerError
from crowdcharge.ledger import kinds
from crowdcharge.ledger.postgres_rows import PostgresRows, create
from crowdcharge.ledger.rows import chained, claim_row, passed_row
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import judge

from ..ledger.conftest import KEYS, fill, opening, settle, sign
from .cluster import OWNER, SERVICE

pytestmark = pytest.mark.program("initdb", "postgresql")

TEXT = 'a"b\\c\u2028\N{PILE OF POO}{1,"x"}:name $1 %s\t'
NASTY = TEXT + "\ud800\x00"  # JSON can hold it, and no view of PostgreSQL or SQLite can show it


def fill_all(store):
    """Write rows of every kind, with texts and numbers that a database could spoil."""
    fill(store)
    store.append([kinds.Run(NASTY, seed=2**62, vm=None)])
    take = kinds.MarketTake(1, -5, "ab")
    store.append([kinds.MarketRow(1, "cd", 2, 3 << 70, False, (take,), TEXT, 9)])
    store.append([opening(11), kinds.Bargain(1, 11, 1, 2, 3 << 70, 7)])
    store.append(store.book.admit([sign(1, 11, 1, 20, odometer_mJ=1720)]))
    store.append([kinds.Payment(11, 2, 1, 7, 8)])
    store.append([kinds.Meter(1, 0, 9, None, energy_mJ=0, bus_mV=3700, current_mA=-1)])
    store.append([claim_row(sign(2, 11, 2, 20), 9)])
    store.append([opening(12), kinds.Member(12, 12, 3, TEXT)])
    store.append([kinds.Reward(TEXT, "received", 1000), opening(13)])
    ends = sign(1, 13, 1, 30, odometer_mJ=1750), sign(2, 13, 2, 20, odometer_mJ=970)
    settle(store, 13, *ends)
    store.append([kinds.SiteRow("north", 1), passed_row(sign(2, 11, 2, 12), "south")])


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with Store.create(path) as store:
        fill_all(store)
    return path


@pytest.fixture
def copied(file, books):
    with Store.read(file) as source, Store.create(books) as target:
        assert target.catch_up(source) == len(list(source.rows()))
    return books


def said(*arguments):
    done = CliRunner().invoke(ledger, [str(each) for each in arguments], catch_exceptions=False)
    assert not done.exit_code, done.output
    return done.stdout_bytes


def test_what_was_written_is_read_again(books):
    with Store.create(books) as store:
        fill(store)
        assert len(store.book.transfers) == 3
    with Store.create(books) as store:
        assert len(store.book.transfers) == 3
        store.append([opening(9)])
    with Store.read(books) as store:
        verdict = judge(store.rows(), KEYS)
        assert not verdict.is_wrong and verdict.signatures == 4 and store.damage() is None
        assert len(store.load().transfers) == 4


def test_the_same_rows_make_the_same_chain_and_the_same_export(file, copied, cluster, database):
    with Store.read(file) as one, Store.read(copied) as other:
        rows = list(one.rows())
        assert rows == list(other.rows())
        assert rows[3:5] == list(other.rows(after=3, most=2)) and not list(other.rows(3, 0))
        assert {row.kind for row in rows} == set(kinds.KINDS)
    url = cluster.text(database, "north")
    for layout in ("csv", "json"):
        assert said("export", url, "--format", layout) == said("export", file, "--format", layout)
    for command in ("show", "balance"):
        assert said(command, url, "--json") == said(command, file, "--json")
    assert open_ledger(url) == open_ledger(str(file))


def test_a_passport_is_the_same_from_either(books, cluster, database, crowdcharge, tmp_path):
    file = tmp_path / "ledger.sqlite"
    for place in (file, books):
        with Store.create(place) as store:
            fill(store)
    signer = ("--signer", tmp_path / "key.pem")
    url = cluster.text(database, books.site)
    one, other = (crowdcharge("passport", "1", "--ledger", each, *signer) for each in (file, url))
    assert one[0] == 0, one
    assert other == one


def test_pages_join_without_a_hole(copied, monkeypatch):
    with closing(PostgresRows.read(copied)) as kept:
        whole = list(kept.rows())
        for size in (1, 2, len(whole), len(whole) + 1):
            monkeypatch.setattr("crowdcharge.ledger.postgres_rows._PAGE_ROWS", size)
            assert list(kept.rows()) == whole
            assert list(kept.rows(2, 3)) == whole[2:5]


def test_views_have_the_columns_and_values_of_those_in_a_file(file, copied, cluster, database):
    """SQLite's numbers end at 64 bits: what is larger is a float there, and whole here."""
    with closing(sqlite3.connect(file)) as db:
        for view in kinds.VIEWS:
            query = db.execute(f"SELECT * FROM {view} ORDER BY seq")
            names, expected = [each[0] for each in query.description], query.fetchall()
            assert expected
            columns = ", ".join(f'"{name}"' for name in names)
            select = f"SELECT {columns} FROM crowdcharge.{view} ORDER BY seq"
            assert [tuple(row) for row in cluster.sql(select, database, SERVICE)] == expected


CHANGES = (
    "UPDATE crowdcharge.journal SET body = '{}' WHERE seq = 1",
    "DELETE FROM crowdcharge.journal",
    "TRUNCATE crowdcharge.journal",
    "INSERT INTO crowdcharge.journal SELECT * FROM crowdcharge.journal WHERE seq = 1"
    " ON CONFLICT (site, seq) DO UPDATE SET body = '{}'",
    "INSERT INTO crowdcharge.journal VALUES ('north', 1, 'run', '{}', '')",
    "INSERT INTO crowdcharge.journal VALUES ('north', 99, 'run', '{}', '')",
    "INSERT INTO crowdcharge.journal VALUES ('', 1, 'run', '{}', '')",
)
OF_THE_SCHEMA = (
    "DROP TRIGGER append_only ON crowdcharge.journal",
    "ALTER TABLE crowdcharge.journal DISABLE TRIGGER ALL",
    "DROP TABLE crowdcharge.journal CASCADE",
    "CREATE OR REPLACE FUNCTION crowdcharge.follows() RETURNS trigger LANGUAGE plpgsql AS"
    " $$BEGIN RETURN NEW; END$$",
    "CREATE VIEW crowdcharge.more AS SELECT 1",
    "CREATE RULE none AS ON INSERT TO crowdcharge.journal DO INSTEAD NOTHING",
    "CREATE TRIGGER none BEFORE INSERT ON crowdcharge.journal FOR EACH ROW EXECUTE FUNCTION"
    " suppress_redundant_updates_trigger()",
    "CREATE TABLE public.more() INHERITS (crowdcharge.journal)",
    "ALTER SCHEMA crowdcharge RENAME TO other",
    "DROP SCHEMA crowdcharge CASCADE",
    "SET session_replication_role = replica",
    "SELECT set_config('session_replication_role', 'replica', false)",
    f"SET ROLE {OWNER}",
    "SELECT * FROM crowdcharge.journal FOR UPDATE",
    "BEGIN; LOCK TABLE crowdcharge.journal; COMMIT",
    "COPY crowdcharge.journal FROM '/dev/null'",
    "COPY crowdcharge.journal TO PROGRAM 'true'",
)


@pytest.mark.parametrize(
    ("user", "statements", "why"),
    [
        (SERVICE, CHANGES[:4], "has not the right"),
        (SERVICE, CHANGES[4:], "does not continue|site"),
        (SERVICE, OF_THE_SCHEMA, "has not the right"),
        (OWNER, CHANGES[:4], "append-only"),
        (OWNER, CHANGES[4:], "does not continue|site"),
    ],
)
def test_rows_cannot_be_changed(copied, cluster, database, user, statements, why):
    """Rights stop the service, and triggers its owner too."""
    with Store.read(copied) as store:
        before = list(store.rows())
        for statement in statements:
            with pytest.raises((LedgerError, InputError), match=why):
                cluster.sql(statement, database, user)
        assert list(store.rows()) == before and store.damage() is None


def test_nobody_elses_functions_run_with_the_rights_of_who_connects(cluster, database, books):
    """Up to PostgreSQL 14 anybody may make functions in the schema that is looked into next."""
    cluster.sql("GRANT CREATE ON SCHEMA public TO PUBLIC", database)
    cluster.sql("CREATE TABLE public.ran(who text)", database)
    cluster.sql("GRANT ALL ON public.ran TO PUBLIC", database)
    fits_better = {
        "obj_description(oid, text)": "text",
        "hashtextextended(text, integer)": "bigint",
    }
    for call, kind in fits_better.items():
        cluster.sql(
            f"CREATE FUNCTION public.{call} RETURNS {kind} LANGUAGE plpgsql AS"
            " $$BEGIN INSERT INTO public.ran VALUES (current_user); RETURN NULL; END$$",
            database,
            SERVICE,
        )
    cluster.sql(f"ALTER ROLE {SERVICE} SET search_path = public, pg_catalog")
    try:
        create(cluster.url(database, user=OWNER), SERVICE)
        with Store.create(books) as store:
            store.append([opening(9)])
    finally:
        cluster.sql(f"ALTER ROLE {SERVICE} RESET search_path")
    assert cluster.sql("SELECT * FROM public.ran", database) == []


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DROP TRIGGER follows ON crowdcharge.journal", "triggers"),
        ("ALTER TABLE crowdcharge.journal DISABLE TRIGGER append_only", "triggers"),
        ("CREATE OR REPLACE FUNCTION crowdcharge.append_only() RETURNS trigger LANGUAGE plpgsql AS"
         " $$BEGIN RETURN NULL; END$$", "triggers"),
        ("DROP VIEW crowdcharge.entries", "entries"),
    ],
)  # fmt: skip
def test_verify_sees_what_the_owner_altered(copied, cluster, database, statement, what):
    cluster.sql(statement, database)
    with Store.read(copied) as store:
        assert what in store.damage()


def test_a_row_that_the_owner_altered_is_named(copied, cluster, database):
    cluster.sql(
        "ALTER TABLE crowdcharge.journal DISABLE TRIGGER ALL;"
        "UPDATE crowdcharge.journal SET body = replace(body, '1', '2') WHERE seq = 3;"
        "ALTER TABLE crowdcharge.journal ENABLE TRIGGER ALL",
        database,
    )
    with Store.read(copied) as store:
        assert judge(store.rows(), {}).findings[0].seq == 3
        assert store.damage() is None
    with pytest.raises(LedgerError, match="row 3 was altered"):
        Store.create(copied)


def test_sites_have_chains_of_their_own(copied, cluster, database):
    with Store.create(cluster.url(database, "south")) as south:
        south.append([opening(9)])
        assert len(list(south.rows())) == 1
    with pytest.raises(InputError, match=r"several sites.*north, south"):
        Store.read(cluster.url(database, ""))
    with pytest.raises(InputError, match=r"no site west.*north, south"):
        Store.read(cluster.url(database, "west"))
    with pytest.raises(InputError, match="which site"):
        Store.create(cluster.url(database, ""))


def test_the_only_site_needs_no_name(copied, cluster, database):
    with Store.read(cluster.url(database, "")) as store:
        assert store.load().transfers


def test_a_second_service_of_a_site_is_refused_and_the_first_goes_on(books):
    with Store.create(books) as one:
        with pytest.raises(InputError, match="another service writes to this site"):
            Store.create(books)
        one.append([opening(9)])
    with Store.create(books) as other:
        other.append([opening(10)])


def test_without_the_lock_a_chain_does_not_fork_either(books):
    with (
        closing(PostgresRows.to_write(books)) as one,
        closing(PostgresRows.to_write(books)) as two,
    ):
        row = chained(1, "0" * 64, opening(9))
        one.insert([row])
        for again in (row, chained(1, "0" * 64, opening(10)), chained(2, "1" * 64, opening(10))):
            with pytest.raises(LedgerError, match=r"continue|duplicate"):
                two.insert([again])
        assert list(two.rows()) == [row]


def test_a_batch_is_all_or_nothing(books):
    with closing(PostgresRows.to_write(books)) as kept:
        first = chained(1, "0" * 64, opening(9))
        with pytest.raises(LedgerError, match="row 3 does not continue"):
            kept.insert([first, chained(3, first.hash, opening(10))])
        assert not kept.length()


def test_a_backup_is_a_whole_file(copied, tmp_path, cluster, database):
    copy = tmp_path / "copy.sqlite"
    said("backup", cluster.text(database, "north"), copy)
    with Store.read(copied) as one, Store.read(copy) as other:
        assert list(one.rows()) == list(other.rows()) and other.damage() is None
    assert [each.name for each in tmp_path.iterdir() if "copy" in each.name] == [copy.name]
