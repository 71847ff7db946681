# SPDX-License-Identifier: MIT
"""Rows in a file: SQLite, append-only by triggers, each call of `insert` one transaction.

`journal` is the only table; views (`VIEWS`) show its rows by column for other tools. One process
at a time writes, by a lock beside the file. What was settled is in the file itself and not only in
SQLite's write-ahead log, so a copy of the file alone has it.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from crowdcharge.errors import InputError, LedgerError, WptError
from crowdcharge.files import FileLock, sync, write_whole
from crowdcharge.ledger.kinds import VIEWS, columns
from crowdcharge.ledger.rows import Row, first_after

APPLICATION_ID = 0x43434C47  # "CCLG"
SCHEMA_VERSION = 1
_HEADER_SIZE = 100
_ROLLBACK = b"\x01\x01"  # SQLite file format, bytes 18 and 19: no write-ahead log belongs to it
_BUSY_ms = 200  # the caller's event loop renews leases meanwhile: fail soon, retry later
# These survive a power cut; the rest survives a kill of the process.
_DURABLE = {
    *("run", "open", "receipt", "entry", "state", "market", "bargain", "payment", "member"),
    *("reward", "credit"),
}
# After these the write-ahead log is copied into the file.
_CHECKPOINTED = {"run", "state", "payment"}

_JOURNAL = """
CREATE TABLE journal(
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    body TEXT NOT NULL CHECK (json_valid(body)),
    hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER no_update BEFORE UPDATE ON journal
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER no_delete BEFORE DELETE ON journal
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER no_replace BEFORE INSERT ON journal
    WHEN NEW.seq <= (SELECT max(seq) FROM journal)
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
"""


def _view_sql(view: str, kind: str) -> str:
    """Return a view with a column a field; `damage` compares this text, so it never changes."""
    picked = ", ".join(
        f"json_extract(body, '$.{each.name}') AS {each.name}" for each in columns(kind)
    )
    return f"CREATE VIEW {view} AS SELECT seq, {picked} FROM journal WHERE kind = '{kind}';"


SCHEMA = _JOURNAL + "\n".join(_view_sql(view, kind) for view, kind in VIEWS.items())


class SqliteRows:
    """`SqliteRows.write` makes the file if there is none; `SqliteRows.read` looks at it."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.place = path
        self._db = connection
        self._lock: FileLock | None = None  # of a file that is written

    @classmethod
    def write(cls, path: Path) -> "SqliteRows":
        """Open a file to write. InputError if that cannot be, or if another process does."""
        if path.exists() and not path.is_file():
            raise _not_a_ledger(path)  # SQLite would write to a device, too
        if path.is_file() and 0 < path.stat().st_size < _HEADER_SIZE:
            raise _not_a_ledger(path)  # SQLite would take it for an empty database
        lock = FileLock(path)
        try:
            rows = cls(path, _connect(path, "rwc"))
        except BaseException:
            lock.release()
            raise
        rows._lock = lock
        try:
            with _clear_errors(path):
                if not rows._is_ledger():
                    rows._make_schema()
                rows._db.execute("PRAGMA journal_mode = WAL")
        except BaseException:
            rows._release()
            raise
        return rows

    @classmethod
    def read(cls, path: Path) -> "SqliteRows":
        """Open a file to look at, which may be in use. InputError if it is no ledger."""
        if not path.is_file():
            raise InputError(f"no ledger at {path}")
        rows = cls(path, _connect(path, "ro" if _may_be_shared(path) else "ro&immutable=1"))
        try:
            with _clear_errors(path):
                rows._require_ledger()
        except BaseException:
            rows._db.close()
            raise
        return rows

    def length(self) -> int:
        """Return the number of the newest row, 0 without any."""
        with _clear_errors(self.place):
            newest: int | None = self._db.execute("SELECT max(seq) FROM journal").fetchone()[0]
        return newest or 0

    def hold(self) -> None:
        """Make all rows of this moment survive a power cut, and show no others until `close`.

        Whoever gets rows from here would have more than the file otherwise.
        """
        with _clear_errors(self.place):
            self._db.execute("BEGIN")
            self.length()  # the first read is the moment
        for path in (self.place, _log_of(self.place)):
            with suppress(FileNotFoundError):
                sync(path)

    def insert(self, rows: Sequence[Row]) -> None:
        """Write all of them or none. LedgerError, and nothing is lost, if it is locked or full."""
        durable = any(row.kind in _DURABLE for row in rows)
        with _clear_errors(self.place), self._db:
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._db.execute("BEGIN IMMEDIATE")
            if self.length() != rows[0].seq - 1:
                raise LedgerError(f"another process writes to the ledger {self.place}")
            self._db.executemany(
                "INSERT INTO journal(seq, kind, body, hash) VALUES (?, ?, ?, ?)",
                [(row.seq, row.kind, row.body, row.hash) for row in rows],
            )
        if any(row.kind in _CHECKPOINTED for row in rows):
            self._checkpoint()

    def _checkpoint(self) -> None:
        """Copy the log into the file, without waiting for readers; the rows are safe in either."""
        with suppress(sqlite3.Error, UnicodeDecodeError):
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def rows(self, after: int = 0, most: int = -1) -> Iterator[Row]:
        """Return the rows as they are in the file; see `Store.rows`."""
        with _clear_errors(self.place):
            query = "SELECT seq, CAST(kind AS BLOB), CAST(body AS BLOB), CAST(hash AS BLOB)"
            query += " FROM journal WHERE seq >= ? ORDER BY seq LIMIT ?"
            for seq, *texts in self._db.execute(query, (first_after(after), most)):
                yield Row(seq, *(_text(text) for text in texts))

    def damage(self) -> str | None:
        """Return what SQLite or the schema says against the file itself, or None."""
        with _clear_errors(self.place):
            found = [row[0] for row in self._db.execute("PRAGMA integrity_check(1)")]
            if found != ["ok"]:
                return f"SQLite finds it damaged: {found[0]}"
            if self._schema() != _expected_schema():
                return "its tables, triggers or views were altered"
            last = self._db.execute("SELECT seq FROM sqlite_sequence").fetchone()
            newest = self.length()
            if (last[0] if last else 0) != newest:
                return f"row {newest + 1} and those after it are missing"
        return None

    def close(self) -> None:
        """Leave one plain file behind, unless someone else still reads it."""
        with suppress(sqlite3.Error, UnicodeDecodeError):
            if self._lock is not None:
                self._db.execute("PRAGMA journal_mode = DELETE")
        self._release()

    def _release(self) -> None:
        self._db.close()
        if self._lock is not None:
            self._lock.release()

    def back_up(self, path: Path) -> None:
        """Write a whole copy, also of a file that is in use."""
        with _clear_errors(self.place):
            data = self._db.serialize()
        write_whole(path, bytes(data[:18]) + _ROLLBACK + bytes(data[20:]))

    def _is_ledger(self) -> bool:
        """Return False for an empty database; InputError for one of someone else."""
        application_id = self._db.execute("PRAGMA application_id").fetchone()[0]
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if application_id == APPLICATION_ID and version != SCHEMA_VERSION:
            raise InputError(
                f"{self.place} is a ledger of version {version}, not {SCHEMA_VERSION}"
            )
        if application_id != APPLICATION_ID and self._schema():
            raise _not_a_ledger(self.place)
        return bool(application_id == APPLICATION_ID)

    def _require_ledger(self) -> None:
        if not self._is_ledger():
            raise _not_a_ledger(self.place)

    def _make_schema(self) -> None:
        self._db.executescript(
            f"BEGIN; {SCHEMA} PRAGMA application_id = {APPLICATION_ID};"
            f" PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        )

    def _schema(self) -> list[tuple[str, str]]:
        query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
        return [(str(name), str(sql)) for name, sql in self._db.execute(query)]


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    with _clear_errors(path):
        db = sqlite3.connect(
            f"file:{quote(os.fsencode(path.absolute()))}?mode={mode}",
            uri=True,
            isolation_level=None,
        )
        db.execute(f"PRAGMA busy_timeout = {_BUSY_ms}")
    return db


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _may_be_shared(path: Path) -> bool:
    """Tell whether a log belongs to the file, or could come to: not in a read-only folder."""
    return _log_of(path).exists() or os.access(path.parent, os.W_OK)


def _expected_schema() -> list[tuple[str, str]]:
    db = sqlite3.connect(":memory:")
    try:
        db.executescript(SCHEMA)
        query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
        return [(str(name), str(sql)) for name, sql in db.execute(query)]
    finally:
        db.close()


def _text(stored: bytes | None) -> str:
    """Return a text, empty for the NULL that a damaged file may hold where it is forbidden."""
    return (stored or b"").decode("utf-8", "surrogateescape")


@contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into one line that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        raise _clear(path, str(error)) from None
    except UnicodeDecodeError:  # SQLite quotes damaged bytes in its message
        raise LedgerError(f"ledger {path}: it is damaged") from None


def _clear(path: Path, text: str) -> WptError:
    if "not a database" in text:
        return _not_a_ledger(path)
    if "disk is full" in text:
        return LedgerError(f"ledger {path}: the disk is full; what was written before is kept")
    if "unable to open" in text or "readonly" in text:
        return InputError(f"cannot open the ledger {path}: {text}")
    return LedgerError(f"ledger {path}: {text}")


def _not_a_ledger(path: Path) -> InputError:
    return InputError(f"{path} is not a crowdcharge ledger")
