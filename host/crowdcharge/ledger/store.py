# SPDX-License-Identifier: MIT
"""The ledger's file: SQLite, append-only by triggers, each call of `append` one transaction.

`journal` is the only table; views (`_VIEWS`) show its rows by column for other tools. One process
at a time writes, by a lock beside the file. What was settled is in the file itself and not only in
SQLite's write-ahead log, so a copy of the file alone has it.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from crowdcharge.errors import InputError, LedgerError, WptError
from crowdcharge.files import FileLock, write_whole
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.kinds import KINDS, Content
from crowdcharge.ledger.rows import FIRST_HASH, Row, chained, row_hash

APPLICATION_ID = 0x43434C47  # "CCLG"
SCHEMA_VERSION = 1
_HEADER_SIZE = 100
_ROLLBACK = b"\x01\x01"  # SQLite file format, bytes 18 and 19: no write-ahead log belongs to it
_BUSY_ms = 200  # the caller's event loop renews leases meanwhile: fail soon, retry later
# These survive a power cut; the rest survives a kill of the process.
_DURABLE = {"run", "open", "receipt", "entry", "state", "market", "bargain", "payment"}
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

_VIEWS = {
    "transfers": "open",
    "states": "state",
    "receipts": "receipt",
    "entries": "entry",
    "samples": "sample",
    "readings": "reading",
    "refusals": "refusal",
    "faults": "fault",
    "markets": "market",
    "bargains": "bargain",
    "payments": "payment",
}


def _view_sql(view: str, kind: str) -> str:
    """Return a view with a column a field; `damage` compares this text, so it never changes."""
    names = (field.name for field in fields(KINDS[kind]) if field.metadata.get("column", True))
    picked = ", ".join(f"json_extract(body, '$.{name}') AS {name}" for name in names)
    return f"CREATE VIEW {view} AS SELECT seq, {picked} FROM journal WHERE kind = '{kind}';"


SCHEMA = _JOURNAL + "\n".join(_view_sql(view, kind) for view, kind in _VIEWS.items())


class Store:
    """`Store.create` to write (makes the file if there is none), `Store.read` to look at it."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._db = connection
        self.book = Book()
        self._seq, self._hash = 0, FIRST_HASH
        self._lock: FileLock | None = None  # of a store that writes

    @classmethod
    def create(cls, path: Path) -> "Store":
        """Open a ledger to write. LedgerError if it is damaged.

        InputError if that cannot be, or if another process writes to it.
        """
        if path.is_file() and 0 < path.stat().st_size < _HEADER_SIZE:
            raise _not_a_ledger(path)  # SQLite would take it for an empty database
        lock = FileLock(path)
        try:
            store = cls(path, _connect(path, "rwc"))
        except BaseException:
            lock.release()
            raise
        store._lock = lock
        try:
            store._begin()
        except BaseException:
            store._release()
            raise
        return store

    def _begin(self) -> None:
        with _clear_errors(self.path):
            if not self._is_ledger():
                self._make_schema()
            self._db.execute("PRAGMA journal_mode = WAL")
        self._load(check=True)

    @classmethod
    def read(cls, path: Path) -> "Store":
        """Open a ledger to look at; `book` stays empty until `load`, as it may be damaged."""
        if not path.is_file():
            raise InputError(f"no ledger at {path}")
        store = cls(path, _connect(path, "ro" if _may_be_shared(path) else "ro&immutable=1"))
        try:
            with _clear_errors(path):
                store._require_ledger()
        except BaseException:
            store._db.close()
            raise
        return store

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def load(self) -> Book:
        self._load()
        return self.book

    def append(self, contents: Iterable[Content]) -> None:
        """Write all of them or none. LedgerError, and nothing is lost, if it is locked or full."""
        rows: list[Row] = []
        seq, previous = self._seq, self._hash
        for content in contents:
            seq += 1
            row = chained(seq, previous, content)
            previous = row.hash
            rows.append(row)
        if not rows:
            return
        said = [row.content() for row in rows]  # nothing is written that cannot be read again
        durable = any(row.kind in _DURABLE for row in rows)
        with _clear_errors(self.path), self._db:
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._db.execute("BEGIN IMMEDIATE")
            newest = self._db.execute("SELECT max(seq) FROM journal").fetchone()[0] or 0
            if newest != self._seq:
                raise LedgerError(f"another process writes to the ledger {self.path}")
            self._db.executemany(
                "INSERT INTO journal(seq, kind, body, hash) VALUES (?, ?, ?, ?)",
                [(row.seq, row.kind, row.body, row.hash) for row in rows],
            )
        self._seq, self._hash = seq, previous
        for row, content in zip(rows, said, strict=True):
            self.book.apply(row, content)
        if any(row.kind in _CHECKPOINTED for row in rows):
            self._checkpoint()

    def _checkpoint(self) -> None:
        """Copy the log into the file, without waiting for readers; the rows are safe in either."""
        with suppress(sqlite3.Error, UnicodeDecodeError):
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def rows(self, after: int = 0, most: int = -1) -> Iterator[Row]:
        """Return the rows as they are in the file; bytes that are no UTF-8 survive for the hash.

        Only those numbered above `after`, and at most `most` of them, unless that is below 0.
        """
        with _clear_errors(self.path):
            query = "SELECT seq, CAST(kind AS BLOB), CAST(body AS BLOB), CAST(hash AS BLOB)"
            query += " FROM journal WHERE seq > ? ORDER BY seq LIMIT ?"
            for seq, *texts in self._db.execute(query, (after, most)):
                yield Row(seq, *(_text(text) for text in texts))

    def damage(self) -> str | None:
        """Return what SQLite or the schema says against the file itself, or None."""
        with _clear_errors(self.path):
            found = [row[0] for row in self._db.execute("PRAGMA integrity_check(1)")]
            if found != ["ok"]:
                return f"SQLite finds it damaged: {found[0]}"
            if self._schema() != _expected_schema():
                return "its tables, triggers or views were altered"
            last = self._db.execute("SELECT seq FROM sqlite_sequence").fetchone()
            newest = self._db.execute("SELECT max(seq) FROM journal").fetchone()[0] or 0
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
        """Write a whole copy, also of a ledger that is in use. InputError if `path` exists."""
        if path.exists() or path.is_symlink():
            raise InputError(f"{path} exists already; a backup replaces nothing")
        with _clear_errors(self.path):
            data = self._db.serialize()
        write_whole(path, bytes(data[:18]) + _ROLLBACK + bytes(data[20:]))

    def _load(self, check: bool = False) -> None:
        """Read all rows into the book; with `check` an altered row is a LedgerError."""
        self.book = Book()
        for row in self.rows():
            if check and row.hash != row_hash(self._hash, row.seq, row.kind, row.body):
                raise LedgerError(f"ledger {self.path}: row {row.seq} was altered; not continued")
            self.book.apply(row)
            self._seq, self._hash = row.seq, row.hash

    def _is_ledger(self) -> bool:
        """Return False for an empty database; InputError for one of someone else."""
        application_id = self._db.execute("PRAGMA application_id").fetchone()[0]
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if application_id == APPLICATION_ID and version != SCHEMA_VERSION:
            raise InputError(f"{self.path} is a ledger of version {version}, not {SCHEMA_VERSION}")
        if application_id != APPLICATION_ID and self._schema():
            raise _not_a_ledger(self.path)
        return bool(application_id == APPLICATION_ID)

    def _require_ledger(self) -> None:
        if not self._is_ledger():
            raise _not_a_ledger(self.path)

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
            f"file:{quote(path.absolute().as_posix())}?mode={mode}",
            uri=True,
            isolation_level=None,
        )
        db.execute(f"PRAGMA busy_timeout = {_BUSY_ms}")
    return db


def _may_be_shared(path: Path) -> bool:
    """Tell whether a log belongs to the file, or could come to: not in a read-only folder."""
    log = path.with_name(path.name + "-wal")
    return log.exists() or os.access(path.parent, os.W_OK)


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
