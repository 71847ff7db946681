# SPDX-License-Identifier: MIT
"""Files that are whole at any instant: after a kill or a power cut the old one or the new one."""

import errno
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from crowdcharge.errors import OF_THE_MACHINE, InputError, WptError

_PRIVATE = 0o600  # the mode of files that hold keys or names
_HEAD_bytes = 4096
# What no result takes the place of, by what its beginning holds.
_LEDGER = {rb"\ASQLite format 3": "an SQLite database"}
_KEYS = {
    rb'^\s*(\[keys\]|key = "[0-9a-f]{64})': "keys",
    rb"^-----BEGIN [A-Z ]*PRIVATE KEY": "a private key",
    rb"^\[people\]": "names",
}


def folder_for(path: Path, option: str = "--out") -> None:
    """Make the folder that takes the results; InputError if it cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot use {option} {path}: {error.strerror}") from None
    except ValueError as error:  # a NUL in the path
        raise InputError(f"cannot use {option} {str(path)!r}: {error}") from None


def real_path(path: Path) -> Path:
    """Return where a path leads; InputError if its links lead round in a circle."""
    found = Path(os.path.realpath(path))  # Path.resolve has an error of its own for a circle
    if found.is_symlink():
        raise InputError(f"{path}: {os.strerror(errno.ELOOP)}")
    return found


def _require_spare(path: Path, even_keys: bool) -> None:
    if path.is_dir():
        raise InputError(f"cannot write {path}: {os.strerror(errno.EISDIR)}")
    if not path.exists():
        return
    if not path.is_file():
        raise InputError(f"cannot write {path}: it is no plain file")
    with path.open("rb") as file:
        head = file.read(_HEAD_bytes)
    for sign, what in (_LEDGER if even_keys else _LEDGER | _KEYS).items():
        if re.search(sign, head, re.MULTILINE):
            raise InputError(f"{path} holds {what}: name another file to write to")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Let what goes wrong with writing name the file; WptError if the disk is full or fails."""
    try:
        yield
    except OSError as error:
        kind = WptError if error.errno in OF_THE_MACHINE else InputError
        raise kind(f"cannot write {path}: {error.strerror}") from None


@contextmanager
def replaced(path: Path, even_keys: bool = False) -> Iterator[Path]:
    """Yield a path beside `path` to write to; it takes the place of `path` if all went well.

    InputError in one line if it may not be written, WptError if the disk is full or fails; then
    the old file stands. A link keeps pointing where it did. A device, a pipe or a ledger is never
    replaced, a file with keys or names only with `even_keys`, by who has read it.
    """
    path = real_path(path)
    beside = _beside(path, str(os.getpid()))
    try:
        with writing(path):
            _require_spare(path, even_keys)
            beside.unlink(missing_ok=True)
            yield beside
            sync(beside, os.O_RDWR)
            beside.replace(path)
            if sys.platform != "win32":
                sync(path.parent)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def _beside(path: Path, process: str) -> Path:
    return path.parent / f".{path.stem}.{process}.new{path.suffix}"


def leftovers(path: Path) -> Iterator[Path]:
    """Return what processes that were killed began to write in place of `path`."""
    return path.parent.glob(_beside(path, "[0-9]*").name)


def write_whole(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Replace a file by `data`, which has its mode from its first byte on; see `replaced`.

    What is private (0600) is written by who keeps such files: it may replace keys.
    """
    with replaced(path, mode == _PRIVATE) as beside:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)


def sync(path: Path, access: int = os.O_RDONLY) -> None:
    """Make a file's content, or the names in a folder, survive a power cut."""
    descriptor = os.open(path, access)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
