# SPDX-License-Identifier: MIT
"""The boards' keys on the host: a TOML file that only its owner can read.

    [keys]
    7 = "64 hexadecimal digits"

They are never logged and never in the ledger.
"""

import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

from crowdcharge.errors import InputError
from wptcore.auth import KEY_SIZE

Keys = Mapping[int, bytes]


def load(path: Path) -> dict[int, bytes]:
    """board_id -> key; InputError if the file is unreadable, malformed or open to others."""
    try:
        mode = path.stat().st_mode
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"keys file {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"keys file {path}: {error}") from None
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InputError(f"keys file {path} is open to others; run: chmod 600 {path}")
    entries = table.get("keys")
    if not isinstance(entries, dict):
        raise InputError(f"keys file {path} has no table [keys]")
    return dict(_entry(path, board, key) for board, key in entries.items())


def save(path: Path, keys: Keys) -> None:
    """Written beside and renamed, with mode 0600 from its first byte."""
    lines = ["[keys]", *(f'{board} = "{keys[board].hex()}"' for board in sorted(keys))]
    beside = path.with_name(path.name + ".new")
    try:
        beside.unlink(missing_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        beside.replace(path)
    except OSError as error:
        raise InputError(f"keys file {path}: {error.strerror}") from None


def _entry(path: Path, board: str, key: object) -> tuple[int, bytes]:
    """The key itself is never part of an error's text."""
    wrong = f'keys file {path}: board "{board}" needs a number 1-65535 and 64 hexadecimal digits'
    try:
        board_id, value = int(board), bytes.fromhex(str(key))
    except ValueError:
        raise InputError(wrong) from None
    if not 0 < board_id <= 0xFFFF or len(value) != KEY_SIZE:
        raise InputError(wrong)
    return board_id, value
