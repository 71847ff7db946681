# SPDX-License-Identifier: MIT
"""A ledger's file is written into a database too, behind the run's back.

The run writes to its file and waits for nothing else; a thread of its own carries the rows on, in
order. A database that is away costs no lease and no row: the file is the spool, and what the
database lacks is what waits in it. What other sites have found for this one comes back that way.
"""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from types import TracebackType
from typing import Self

from crowdcharge.errors import InputError, LedgerAway, SiteTaken, WptError
from crowdcharge.ledger.keeping import catch_up
from crowdcharge.ledger.kinds import SiteRow
from crowdcharge.ledger.neighbours import Found, Neighbours
from crowdcharge.ledger.place import BooksUrl
from crowdcharge.ledger.postgres_rows import PostgresRows
from crowdcharge.ledger.sqlite_rows import SqliteRows

_POLL_s = 0.5  # a database that writes hears from its service at least this often
_SILENT_s = 5.0  # a service that is not heard for so long has vanished
_PAUSE_MAX_s = 30.0
_CLOSE_s = 15.0  # how long the end of a run waits for a database that does not answer


class Forwarder:
    """`reach` before the file is opened to write; then a context manager, inside which it works.

    `say` gets a line when the database is lost and when it is back; from another thread, as
    `bring` gets what other sites have read from boards. `site` None: there is no other.
    """

    def __init__(
        self,
        spool: Path,
        url: BooksUrl,
        say: Callable[[str], None],
        bring: Callable[[list[Found]], None] = lambda _: None,
        site: SiteRow | None = None,
    ) -> None:
        self._spool, self._url, self._say, self._bring = spool, url, say, bring
        self._neighbours = Neighbours(site) if site else None
        self._database: PostgresRows | None = None
        self._trouble: type[WptError] | None = None  # the kind of the trouble that lasts
        self._sent = 0  # the newest row that the database is known to have
        self._ending = Event()
        self._thread = Thread(target=self._work, name="ledger forwarder", daemon=True)

    def reach(self) -> None:
        """Connect, and fetch what the file lacks: it is new here, or came from a backup.

        InputError for what a person must mend, if the chains differ, and if another service is
        alive that writes to the site. If nobody answers, or the site is still held for a service
        that has vanished, the run goes on in its file, unless there is none yet: where the chain
        ends is not known then.
        """
        try:
            self._database = self._connected()
        except LedgerAway as error:
            if not self._spool.exists():
                raise InputError(
                    f"{error}; {self._spool} is not there either, so nobody knows where the"
                    " ledger of this site ends: start again when the database answers"
                ) from None
            self._lose(error)
            return
        try:
            self._fetch(self._database)
            if self._neighbours:
                self._neighbours.compare(self._database)
        except BaseException:
            self._drop()
            raise

    def _connected(self) -> PostgresRows:
        """Connect to write; SiteTaken if another service that is alive does.

        LedgerAway while the site is held for one that is silent: a database notices late that a
        service has lost its power or its network.
        """
        end_s, seen = monotonic() + _SILENT_s, None
        while True:
            try:
                return PostgresRows.write(self._url)
            except SiteTaken as taken:
                if seen and taken.holder and taken.holder != seen:
                    raise
                seen = taken.holder or seen
            if monotonic() > end_s or self._ending.wait(_POLL_s):
                raise LedgerAway(
                    f"{self._url} is still held for a service that fell silent, at most a minute"
                )

    def _fetch(self, database: PostgresRows) -> None:
        """Bring the file up to the database; a new one is made whole, or not at all."""
        if not database.length():
            return
        if not self._spool.exists():
            database.back_up(self._spool)
            return
        with closing(SqliteRows.write(self._spool)) as spool:
            catch_up(database, spool)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Write what is left, and say what still waits."""
        self._ending.set()
        self._thread.join(_CLOSE_s)
        with closing(SqliteRows.read(self._spool)) as spool:
            waits = spool.length() > self._sent
        if waits:
            self._say(
                f"rows wait in {self._spool} for {self._url}; the next run writes them, or"
                " `crowdcharge ledger copy`"
            )

    def _work(self) -> None:
        pause_s = _POLL_s
        while not self._ending.wait(pause_s):
            pause_s = _POLL_s if self._carry() else min(2 * pause_s, _PAUSE_MAX_s)
        self._carry()
        self._drop()

    def _carry(self) -> bool:
        """Write what is new into the database; tell whether that could be done.

        It is asked for its length each time: so a service is known to be alive.
        """
        try:
            is_new = self._database is None
            if self._database is None:
                self._database = self._connected()
            with closing(SqliteRows.read(self._spool)) as spool:
                length = self._database.length()  # less than we wrote if a backup was put back
                if is_new or spool.length() > length:
                    spool.hold()
                    count = catch_up(spool, self._database)
                    length = self._database.length()
                    self._is_back(count)
            self._sent = length
            self._look(self._database)
        except WptError as error:
            self._lose(error)
            return False
        return True

    def _look(self, database: PostgresRows) -> None:
        """Bring what other sites have found; this one writes down what is its own."""
        for found in self._neighbours.look(database) if self._neighbours else ():
            self._bring(found)

    def _lose(self, error: WptError) -> None:
        """Say once what keeps the rows from the database, and connect anew next time."""
        self._drop()
        if type(error) is not self._trouble:
            self._trouble = type(error)
            self._say(f"{error}; the run goes on, and rows wait in {self._spool}")

    def _is_back(self, count: int) -> None:
        if self._trouble:
            self._trouble = None
            self._say(f"{self._url} is written to again; rows that had waited: {count}")

    def _drop(self) -> None:
        if self._database is not None:
            self._database.close()
        self._database = None
