# SPDX-License-Identifier: MIT
"""The marker of a folder with results: which of its files our commands wrote, and nobody changed.

A result never takes the place of a file that somebody else wrote or changed: that one gets another
name first.

`made_by` is the command whose folder this is, one of a bench, which replaces its own results.
`first_hash` is the hash of the first row of its ledger, which grows and so has no SHA-256 here.
`files` gives each file's SHA-256; there are two while it is replaced, so that a kill between the
note and the write leaves a file that is known.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path
from typing import Any

from crowdcharge.errors import InputError
from crowdcharge.files.whole import replaced, write_whole

NAME = ".crowdcharge.json"


class Marker:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def made_by(self) -> str | None:
        return _text(self._read().get("made_by"))

    @property
    def first_hash(self) -> str | None:
        return _text(self._read().get("first_hash"))

    def names(self) -> list[str]:
        files = self._read().get("files")
        return sorted(files) if isinstance(files, dict) else []

    def claim(self, made_by: str) -> None:
        """Make the folder that command's."""
        self._write({**self._read(), "made_by": made_by})

    def note_ledger(self, first_hash: str) -> None:
        self._write({**self._read(), "first_hash": first_hash})

    def is_ours(self, name: str) -> bool:
        """Tell whether a file is as one of our commands wrote it."""
        path = self._folder / name
        return path.is_file() and _digest(path) in self._digests(name)

    def make_way(self, name: str) -> None:
        """Give a file of that name which is not ours another one."""
        path = self._folder / name
        try:
            if path.exists() and not self.is_ours(name):
                path.rename(_free(path))
        except OSError as error:
            raise InputError(f"cannot write into {self._folder}: {error.strerror}") from None

    def note(self, name: str, digest: str) -> None:
        """Note the SHA-256 of what is about to be written; what stands there now stays noted."""
        path, document = self._folder / name, self._read()
        before = [_digest(path)] if path.is_file() else []
        files = document.get("files")
        known = files if isinstance(files, dict) else {}
        self._write({**document, "files": {**known, name: [*before, digest]}})

    def _digests(self, name: str) -> list[Any]:
        files = self._read().get("files")
        noted = files.get(name) if isinstance(files, dict) else None
        return noted if isinstance(noted, list) else []

    def _read(self) -> dict[str, Any]:
        """Return what it says; {} if there is none, or somebody made it unreadable."""
        try:
            document = json.loads((self._folder / NAME).read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}

    def _write(self, document: dict[str, Any]) -> None:
        write_whole(self._folder / NAME, (json.dumps(document, indent=1) + "\n").encode())


@contextmanager
def result(path: Path) -> Iterator[Path]:
    """Yield a path to write to, for a file whose name is ours in a folder that a user named.

    As `replaced`; what stands there and is not ours gets another name first.
    """
    mark = Marker(path.parent)
    with replaced(path) as beside:
        yield beside
        mark.make_way(path.name)
        mark.note(path.name, _digest(beside))


def _free(path: Path) -> Path:
    """Return the first name `NAME.kept-1`, `NAME.kept-2` ... that nothing has."""
    number = 1
    while (kept := path.with_name(f"{path.name}.kept-{number}")).exists():
        number += 1
    return kept


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
