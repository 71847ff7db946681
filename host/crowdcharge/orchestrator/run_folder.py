# SPDX-License-Identifier: MIT
"""A run's folder: every kind of run opens its ledger and writes its results here, in one way.

A file MARKER in the folder lists what our commands put there, by name and SHA-256. A result never
takes the place of a file that somebody else wrote or changed: that one is renamed first.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from hashlib import sha256
from pathlib import Path

from crowdcharge.errors import InputError
from crowdcharge.files import write_whole
from crowdcharge.files.marker import Marker
from crowdcharge.ledger.forwarder import Forwarder
from crowdcharge.ledger.kinds import Run, SiteRow
from crowdcharge.ledger.rows import FIRST_HASH, chained
from crowdcharge.ledger.store import Store
from crowdcharge.report.prediction import Document

LEDGER, SUMMARY, KEYS = "ledger.sqlite", "summary.json", "keys.toml"
PREDICTION = "prediction.json"


class RunFolder:
    """A folder, made if need be, that may hold earlier runs; InputError if it cannot be made."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._writable():
            path.mkdir(parents=True, exist_ok=True)
        self._marker = Marker(path)

    @contextmanager
    def recording(
        self, run: Run, forwarder: Forwarder | None = None, site: SiteRow | None = None
    ) -> Iterator[Store]:
        """Open the ledger and write `run`, the row that says what follows.

        `forwarder` carries the rows on into a database. InputError if the ledger is of another
        `site`; it becomes that of `site` if it was of none.
        """
        if forwarder is not None:
            forwarder.reach()
        if not (self.path / LEDGER).exists():
            self._marker.note_ledger(chained(1, FIRST_HASH, run).hash)
        with Store.create(self.path / LEDGER) as store, forwarder or nullcontext():
            store.append([run, *self._site(store, site)])
            yield store

    def _site(self, store: Store, site: SiteRow | None) -> list[SiteRow]:
        """Return the row that makes the ledger a site's, unless it is there."""
        known = store.book.site
        if known is None:
            return [site] if site else []
        require_site(self.path / LEDGER, known, site)
        return []

    def write(self, name: str, document: Document) -> None:
        self.put(name, (json.dumps(document, indent=2) + "\n").encode())

    def write_report(self, compared: Document | None = None) -> None:
        """Write the report with its plots; `compared` is the content of prediction.json."""
        from crowdcharge.report.page import write_report  # noqa: PLC0415 - it loads matplotlib

        with (
            self._writable(),
            tempfile.TemporaryDirectory(prefix=".report-", dir=self.path) as scratch,
        ):
            for each in write_report(self.path / LEDGER, Path(scratch), compared):
                self.put(each.name, each.read_bytes())

    def put(self, name: str, data: bytes, mode: int = 0o666) -> None:
        """Write a file whole. A file of that name that is not ours gets another name first."""
        self._marker.make_way(name)
        self._marker.note(name, sha256(data).hexdigest())
        write_whole(self.path / name, data, mode)

    @contextmanager
    def _writable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(f"cannot write into {self.path}: {error.strerror}") from None


def require_site(place: object, known: SiteRow, site: SiteRow | None) -> None:
    """InputError if a ledger is of another site than `site`."""
    if site != known:
        raise InputError(
            f"{place} is the ledger of site {known.name}, number {known.number},"
            " for ever; run.site and run.site_number must say so"
        )
