# SPDX-License-Identifier: MIT
"""Locks that keep two writers of a file apart.

The lock on FILE is an advisory lock (flock) on a file `FILE.lock` beside it, which is gone when
nobody holds it. A lock ends with its process, so no kill leaves one behind. Windows has no flock;
there a second writer is not kept out.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from crowdcharge.errors import InputError, NotNow
from crowdcharge.files.whole import real_path

_RETRY_s = 0.02


class FileLock:
    """Held from its making to `release`. NotNow if another process has it for `wait_s`."""

    def __init__(self, path: Path, wait_s: float = 0.0) -> None:
        real = real_path(path)  # two links to one file are one lock
        self._path = real.with_name(real.name + ".lock")
        self._descriptor: int | None = None
        end_s = time.monotonic() + wait_s
        try:
            while not self._try():
                if time.monotonic() >= end_s:
                    raise NotNow(f"{path} is in use by another process{self._holder()}")
                time.sleep(_RETRY_s)
        except OSError as error:
            raise InputError(f"cannot open {path} to write: {error.strerror}") from None

    def _try(self) -> bool:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        if not _flock(descriptor) or not self._is_current(descriptor):
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        _note_holder(descriptor)
        return True

    def _is_current(self, descriptor: int) -> bool:
        """Tell whether the locked file is still the one of that name: a holder removes it."""
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False

    def _holder(self) -> str:
        try:
            text = self._path.read_text(encoding="ascii")
        except (OSError, ValueError):
            return ""
        return f" ({text})" if text else ""

    def release(self) -> None:
        if self._descriptor is None:
            return
        with suppress(OSError):
            self._path.unlink()  # before it is closed: whoever waits for this file tries anew
        os.close(self._descriptor)
        self._descriptor = None


def _note_holder(descriptor: int) -> None:
    """Say who holds the lock; a full disk does not matter, since only a message shows this."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()}".encode())


@contextmanager
def locked(path: Path, wait_s: float = 0.0) -> Iterator[None]:
    """Hold the lock on `path` while the block runs; InputError as FileLock."""
    lock = FileLock(path, wait_s)
    try:
        yield
    finally:
        lock.release()


if sys.platform == "win32":

    def _flock(descriptor: int) -> bool:  # noqa: ARG001 - Windows has no flock
        return True
else:
    import fcntl

    def _flock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
