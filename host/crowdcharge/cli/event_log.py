# SPDX-License-Identifier: MIT
"""A log of a run for programs: every event is one JSON line with the time of day and its zone."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import IO

from crowdcharge.errors import InputError
from crowdcharge.files import at_once
from crowdcharge.orchestrator.events import Emit, Event, as_record

Now = Callable[[], datetime]


def local_now() -> datetime:
    return datetime.now().astimezone()


def stamp(now: datetime) -> str:
    """2026-11-28 03:14:15+01:00: sorts as text, and says its zone."""
    return now.isoformat(sep=" ", timespec="seconds")


class EventLog:
    """Appends to a file, which may be rotated or deleted meanwhile: it is opened for each line.

    A full disk does not end a run: what cannot be written is told once to `warn`, and lost.
    """

    def __init__(self, path: Path, warn: Callable[[str], None], now: Now = local_now) -> None:
        self._path, self._warn, self._now = path, warn, now
        self._failed = False
        try:
            if path.is_file() and _first(path) not in {b"", b"{"}:
                raise InputError(f"{path} is no log of events: name another file")
            self._open().close()
        except OSError as error:
            raise InputError(f"cannot write the log {path}: {error.strerror}") from None

    def on_event(self, event: Event) -> None:
        record = {"time": self._now().isoformat(timespec="milliseconds"), **as_record(event)}
        try:
            with self._open() as file:
                file.write(json.dumps(record) + "\n")
            self._failed = False
        except OSError as error:
            if not self._failed:
                self._warn(f"cannot write the log {self._path}: {error.strerror}")
            self._failed = True

    def _open(self) -> IO[str]:
        """Never wait, for the reader of a pipe, say, while leases run down."""
        return open(self._path, "a", encoding="utf-8", opener=at_once)


def _first(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(1)


def both(first: Emit, second: Emit) -> Emit:
    def emit(event: Event) -> None:
        first(event)
        second(event)

    return emit
