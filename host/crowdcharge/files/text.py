# SPDX-License-Identifier: MIT
"""Read text files that a user named, within bounds."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crowdcharge.errors import InputError

TEXT_MAX_bytes = 50_000_000  # of a file whose reader has no bound of its own
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # Windows has no pipes among its files

# How files begin that people take for text: what each of them looks like.
_BEGINNINGS = (
    (b"\xff\xfe", "UTF-16 text: save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text: save it as UTF-8"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook: unpack it, or save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook: save it as CSV"),
    (b"\x1f\x8b", "a gzip archive: unpack it"),
    (b"BZh", "a bzip2 archive: unpack it"),
    (b"\xfd7zXZ", "an xz archive: unpack it"),
    (b"%PDF", "a PDF"),
    (b"SQLite format 3", "an SQLite database"),
    (b"PAR1", "a Parquet table: save it as CSV"),
)


def require_private(path: Path) -> None:
    """Raise InputError for a file that others may read or write."""
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InputError(f"{path}: open to others; run: chmod 600 {path}")


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an InputError that comes of what is in a file begin with the file's name."""
    try:
        yield
    except InputError as error:
        if str(error).startswith(str(path)):
            raise
        raise InputError(f"{path}: {error}") from None


def read_text(path: Path, most_bytes: int = TEXT_MAX_bytes) -> str:
    """Return the text of a UTF-8 file, with or without a byte order mark.

    InputError in one line if there is no such file, if it is larger than `most_bytes`, or if it is
    not text; what it looks like is said. A pipe, such as a shell's <(COMMAND), is read to its end.
    """
    try:
        with open(path, "rb", opener=at_once) as file:
            if _NO_WAIT:
                os.set_blocking(file.fileno(), True)  # what a pipe has is waited for
            content = file.read(most_bytes + 1)
            if not content and stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
                raise InputError(f"{path}: a pipe that nobody writes to")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except ValueError as error:  # a NUL in the path
        raise InputError(f"{str(path)!r}: {error}") from None
    if len(content) > most_bytes:
        raise InputError(f"{path}: larger than {most_bytes / 1e6:g} MB")
    for beginning, what in _BEGINNINGS:
        if content.startswith(beginning):
            raise InputError(f"{path}: not a text file; this looks like {what}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}, line {line}: not UTF-8 text; this looks like another encoding or binary data"
        ) from None


def read_parts(path: Path, beginning: str, most_bytes: int) -> str:
    """Return what a command kept of unfinished work, "" if nothing; a kill may have cut it short.

    InputError for a file that does not begin as ours do, since it would be replaced.
    """
    text = read_text(path, most_bytes) if path.exists() else ""
    if text.startswith(beginning) or beginning.startswith(text):
        return text
    raise InputError(
        f"{path}: holds no parts of unfinished work; move it away, or name another --out"
    )


def at_once(path: str, flags: int) -> int:
    """Open a file without waiting for the other end of a pipe; an opener for `open`."""
    return os.open(path, flags | _NO_WAIT, 0o666)
