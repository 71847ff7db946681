# SPDX-License-Identifier: MIT
"""Rows in PostgreSQL: the chain of one site in a table of all sites, append-only by triggers.

`create` makes the schema as its owner; a service's role may only select and insert. One service at
a time writes to a site: it holds an advisory lock for as long as it is connected. Even without the
lock no chain can fork, since the database takes no row that does not continue it.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from crowdcharge.errors import InputError, SiteTaken
from crowdcharge.files import replaced
from crowdcharge.ledger import postgres_schema as schema
from crowdcharge.ledger.keeping import catch_up
from crowdcharge.ledger.kinds import VIEWS, columns
from crowdcharge.ledger.place import BooksUrl
from crowdcharge.ledger.postgres_link import DatabaseLink
from crowdcharge.ledger.rows import Row, first_after
from crowdcharge.ledger.sqlite_rows import SqliteRows

_PAGE_ROWS = 2000

_INSERT = """
INSERT INTO crowdcharge.journal(site, seq, kind, body, hash)
SELECT :site, seq, kind, body, hash
FROM json_to_recordset(CAST(:rows AS json)) AS r(seq bigint, kind text, body text, hash text)
ORDER BY seq
"""
_PAGE = """
SELECT seq, kind, body, hash FROM crowdcharge.journal
WHERE site = :site AND seq >= :first ORDER BY seq LIMIT :most
"""
# By leaps over the index: the table may have millions of rows and a handful of sites.
_OTHERS = """
WITH RECURSIVE sites AS (
    SELECT min(site) AS site FROM crowdcharge.journal
    UNION ALL
    SELECT (SELECT min(j.site) FROM crowdcharge.journal j WHERE j.site > sites.site) FROM sites
    WHERE sites.site IS NOT NULL
)
SELECT site, (SELECT max(j.seq) FROM crowdcharge.journal j WHERE j.site = sites.site) FROM sites
WHERE site <> :site
"""
_TOLD_BETWEEN = """
SELECT seq, kind, body, hash FROM crowdcharge.journal
WHERE site = :site AND seq > :after AND seq <= :upto AND kind = ANY(CAST(:kinds AS text[]))
ORDER BY seq
"""
_LENGTH = "SELECT coalesce(max(seq), 0) FROM crowdcharge.journal WHERE site = :site"
_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('crowdcharge ' || :site, 0))"
# Who holds it, and when it last asked for anything; of another role that is not shown: always now.
_HOLDER = """
SELECT pid, coalesce(state_change, clock_timestamp())
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND pg_locks.database
    = (SELECT oid FROM pg_database WHERE datname = current_database())
AND (classid::bigint << 32) | objid::bigint = hashtextextended('crowdcharge ' || :site, 0)
"""
_TRIGGERS = """
SELECT t.tgname, t.tgenabled, p.prosrc FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
WHERE t.tgrelid = 'crowdcharge.journal'::regclass AND NOT t.tgisinternal
"""
_COLUMNS = """
SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'crowdcharge'::regnamespace AND c.relkind = 'v' ORDER BY a.attnum
"""
# Who makes roles may make itself the owner (before PostgreSQL 16), and who runs programs or
# writes files on the server is the server.
_BOUND_BY_RIGHTS = """
SELECT NOT r.rolsuper AND NOT r.rolcreaterole AND NOT EXISTS (
    SELECT FROM pg_roles s WHERE pg_has_role(r.oid, s.oid, 'MEMBER') AND (s.oid = n.nspowner
        OR s.rolname IN ('pg_execute_server_program', 'pg_write_server_files')))
FROM pg_roles r, pg_namespace n WHERE r.rolname = :role AND n.nspname = 'crowdcharge'
"""


class PostgresRows:
    """`PostgresRows.write` holds the site's lock; `PostgresRows.read` looks at its rows."""

    def __init__(self, url: BooksUrl, link: DatabaseLink) -> None:
        self.place = url
        self._link = link

    @classmethod
    def write(cls, url: BooksUrl) -> "PostgresRows":
        """Connect to write. LedgerAway if nobody answers; InputError for what is to be mended.

        SiteTaken while another service holds the site.
        """
        rows = cls.to_write(url)
        if rows._link.value(_LOCK, site=url.site):
            return rows
        try:
            holder = rows._link.run(_HOLDER, site=url.site)
        finally:
            rows.close()
        raise SiteTaken(f"{url}: another service writes to this site", holder)

    @classmethod
    def to_write(cls, url: BooksUrl) -> "PostgresRows":
        """Connect as `write` does, and leave the site to whoever writes to it."""
        if not url.site:
            raise InputError(f"{url}: which site's ledger is it? Add ?site=NAME to the URL")
        link = _of_version(url)
        try:
            _require_rights(link)
        except BaseException:
            link.close()
            raise
        return cls(url, link)

    @classmethod
    def read(cls, url: BooksUrl) -> "PostgresRows":
        """Connect to look at a site, or at the only one that there is. InputError without rows."""
        link = _of_version(url)
        try:
            return cls(_with_site(url, link), link)
        except BaseException:
            link.close()
            raise

    def length(self) -> int:
        return int(self._link.value(_LENGTH, site=self.place.site))

    def insert(self, rows: Sequence[Row]) -> None:
        """Write all of them or none; LedgerError if they do not continue the site's chain."""
        shown = [
            {"seq": row.seq, "kind": row.kind, "body": row.body, "hash": row.hash} for row in rows
        ]
        self._link.run(_INSERT, site=self.place.site, rows=json.dumps(shown))

    def rows(self, after: int = 0, most: int = -1) -> Iterator[Row]:
        """Return the rows a page at a time; see `Store.rows`."""
        left, first = most if most >= 0 else None, first_after(after)
        while left is None or left > 0:
            wanted = _PAGE_ROWS if left is None else min(left, _PAGE_ROWS)
            page = self._link.run(_PAGE, site=self.place.site, first=first, most=wanted)
            for seq, kind, body, digest in page:
                yield Row(seq, kind, body, digest)
            if len(page) < wanted:
                return
            first = page[-1][0] + 1
            left = left if left is None else left - len(page)

    def others(self) -> dict[str, int]:
        """Return the other sites of the database, and the number of each one's newest row."""
        return {site: int(seq) for site, seq in self._link.run(_OTHERS, site=self.place.site)}

    def told_between(self, site: str, after: int, upto: int, *kinds: str) -> list[Row]:
        """Return the rows of some kinds of another site, in order."""
        asked = {"site": site, "after": after, "upto": upto, "kinds": [*kinds]}
        found = self._link.run(_TOLD_BETWEEN, **asked)
        return [Row(seq, kind, body, digest) for seq, kind, body, digest in found]

    def damage(self) -> str | None:
        """Return what was altered in the schema, or None."""
        triggers = {(name, how, body) for name, how, body in self._link.run(_TRIGGERS)}
        if triggers != {(name, "O", body) for name, body in schema.TRIGGERS.items()}:
            return "its triggers were altered"
        found: dict[str, list[str]] = {view: [] for view in VIEWS}
        for view, column in self._link.run(_COLUMNS):
            found.setdefault(view, []).append(column)
        for view, kind in VIEWS.items():
            if found[view] != ["site", "seq", *(each.name for each in columns(kind))]:
                return f"its view {view} was altered"
        return None

    def back_up(self, path: Path) -> None:
        """Write a whole copy into a file, as a run's own is."""
        with replaced(path) as beside:
            copy = SqliteRows.write(beside)
            try:
                catch_up(self, copy)
            finally:
                copy.close()

    def close(self) -> None:
        self._link.close()


def create(url: BooksUrl, role: str) -> None:
    """Make the schema, unless it is there, and let a role read it and add rows to it.

    InputError for a role that rights do not bind, or that is not there.
    """
    link = DatabaseLink(url)
    try:
        if _version(link) is None:
            link.run(f"BEGIN; {schema.SCHEMA} COMMIT;")
        _require_version(link)
        bound = link.run(_BOUND_BY_RIGHTS, role=role)
        if not bound:
            raise InputError(f"{url}: there is no role {role}; make it with CREATE ROLE first")
        if not bound[0][0]:
            raise InputError(f"{url}: rights do not bind {role}: it owns the schema, or rules all")
        link.run(f"BEGIN; {schema.grants(_quoted(role))} COMMIT;")
    finally:
        link.close()


def _require_rights(link: DatabaseLink) -> None:
    if not link.value("SELECT has_table_privilege('crowdcharge.journal', 'INSERT')"):
        user = link.url.user
        raise InputError(
            f"{link.url}: {user} may not write; `crowdcharge ledger create URL --role {user}` as"
            " the owner lets it"
        )


def _of_version(url: BooksUrl) -> DatabaseLink:
    """Connect to a database that has our schema, in our version."""
    link = DatabaseLink(url)
    try:
        _require_version(link)
    except BaseException:
        link.close()
        raise
    return link


def _require_version(link: DatabaseLink) -> None:
    version = _version(link)
    if version is None:
        raise InputError(
            f"{link.url}: the database has no ledger yet; `crowdcharge ledger create URL --role"
            " ROLE` as its owner makes one"
        )
    if version != str(schema.SCHEMA_VERSION):
        ours = schema.SCHEMA_VERSION
        raise InputError(f"{link.url}: its ledgers are of version {version}, not {ours}")


def _version(link: DatabaseLink) -> str | None:
    """Return the schema's version, None without a schema; InputError for one of someone else."""
    found = link.run(
        "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace"
        " WHERE nspname = 'crowdcharge'"
    )
    if not found:
        return None
    comment = found[0][0] or ""
    if not comment.startswith(schema.COMMENT):
        raise InputError(f"{link.url}: its schema crowdcharge is not of crowdcharge ledgers")
    return str(comment.removeprefix(schema.COMMENT))


def _with_site(url: BooksUrl, link: DatabaseLink) -> BooksUrl:
    query = "SELECT site FROM crowdcharge.journal WHERE seq = 1 ORDER BY site"
    sites = [site for (site,) in link.run(query)]
    if not url.site and len(sites) == 1:
        return url.of_site(sites[0])
    if url.site in sites:
        return url
    if not sites:
        raise InputError(f"{url}: no site has a ledger there yet")
    asked = f"has no site {url.site}" if url.site else "has several sites: add ?site=NAME"
    raise InputError(f"{url}: {asked} (there are: {', '.join(sites)})")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
