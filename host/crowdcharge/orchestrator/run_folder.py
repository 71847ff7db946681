# SPDX-License-Identifier: MIT
"""A run's folder: every kind of run opens its ledger and writes its results here, in one way."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crowdcharge.errors import InputError
from crowdcharge.ledger.kinds import Run
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

    @classmethod
    def emptied(cls, path: Path) -> "RunFolder":
        """Make the folder for a run that begins with an empty ledger of its own."""
        folder = cls(path)
        with folder._writable():
            (path / LEDGER).unlink(missing_ok=True)
            (path / SUMMARY).write_text("", encoding="utf-8")
        return folder

    @contextmanager
    def recording(self, run: Run) -> Iterator[Store]:
        """Open the ledger and write `run`, the row that says what follows."""
        with Store.create(self.path / LEDGER) as store:
            store.append([run])
            yield store

    def write(self, name: str, document: Document) -> None:
        text = json.dumps(document, indent=2) + "\n"
        (self.path / name).write_text(text, encoding="utf-8")

    def write_report(self, compared: Document | None = None) -> None:
        """Write the report with its plots; `compared` is the content of prediction.json."""
        from crowdcharge.report.page import write_report  # noqa: PLC0415 - it loads matplotlib

        write_report(self.path / LEDGER, self.path, compared)

    @contextmanager
    def _writable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(f"cannot write into {self.path}: {error.strerror}") from None
