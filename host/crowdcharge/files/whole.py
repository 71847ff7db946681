# SPDX-License-Identifier: MIT
"""Files that are whole at any instant: after a kill or a power cut the old one or the new one."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from crowdcharge.errors import OF_THE_MACHINE, InputError, WptError


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


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; it takes the place of `path` if all went well.

    InputError in one line if it may not be written, WptError if the disk is full or fails; then
    the old file stands. A link keeps pointing where it did. A device or a pipe is never replaced.
    """
    path = real_path(path)
    beside = path.with_name(f".{path.stem}.{os.getpid()}.new{path.suffix}")
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise InputError(f"cannot write {path}: it is no plain file")
        beside.unlink(missing_ok=True)
        yield beside
        sync(beside, os.O_RDWR)
        beside.replace(path)
        if sys.platform != "win32":
            sync(path.parent)
    except OSError as error:
        kind = WptError if error.errno in OF_THE_MACHINE else InputError
        raise kind(f"cannot write {path}: {error.strerror}") from None
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Replace a file by `data`, which has its mode from its first byte on; see `replaced`."""
    with replaced(path) as beside:
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
