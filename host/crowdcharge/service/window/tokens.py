# SPDX-License-Identifier: MIT
"""The two tokens of a service: `OUT/token` may act, `OUT/token-view` may only watch.

They are made at the first start and stay: whoever has one keeps his rights over a restart. To take
them back, remove the file and start again.
"""

import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from crowdcharge.errors import InputError
from crowdcharge.files import write_whole

_LENGTH_MAX = 128
_LOOKS = re.compile(r"[A-Za-z0-9_-]{32,128}")


class Right(IntEnum):
    NONE = 0
    WATCH = 1
    ACT = 2


@dataclass(frozen=True, slots=True)
class Tokens:
    act: str
    watch: str

    def right(self, given: str) -> Right:
        """Return what a token allows; the time this takes tells nothing of how much was right."""
        shown = given.encode("utf-8", "surrogateescape")
        acts = hmac.compare_digest(shown, self.act.encode())
        watches = hmac.compare_digest(shown, self.watch.encode())
        return Right.ACT if acts else Right.WATCH if watches else Right.NONE


def tokens_in(out: Path) -> Tokens:
    """Return the tokens of a run's folder, made if there are none.

    InputError in one line if others could read one, or if it is no token.
    """
    return Tokens(act=_token(out / "token"), watch=_token(out / "token-view"))


def _token(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        write_whole(path, (secrets.token_urlsafe(32) + "\n").encode(), 0o600)
        return _token(path)
    except OSError as error:
        raise InputError(f"cannot read the token file {path}: {error.strerror}") from None
    try:
        _require_private(path, os.fstat(descriptor))
        text = os.read(descriptor, _LENGTH_MAX + 2).decode("ascii", "replace").strip()
    finally:
        os.close(descriptor)
    if not _LOOKS.fullmatch(text):
        raise InputError(f"{path} holds no token: remove it, and the next start makes one")
    return text


def _require_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"the token file {path} is not a plain file")
    if status.st_uid != os.geteuid():
        raise InputError(f"the token file {path} belongs to another user")
    if status.st_mode & 0o077:
        raise InputError(
            f"others can read the token file {path}: remove it, and the next start makes a new one"
        )
