# SPDX-License-Identifier: MIT
"""The boards' keys on the host: a TOML file that only its owner can read.

    [keys]
    7 = "64 hexadecimal digits"

    [retired]  # for `ledger verify`: what boards had before, oldest first
    7 = ["64 hexadecimal digits"]

They are never logged and never in the ledger.
"""

import os
import stat
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from crowdcharge.errors import InputError
from wptcore.auth import KEY_SIZE

Keys = Mapping[int, bytes]


def load(path: Path) -> dict[int, bytes]:
    """board_id -> key; InputError if the file is unreadable, malformed or open to others."""
    entries = _tables(path).get("keys")
    if not isinstance(entries, dict):
        raise InputError(f"keys file {path} has no table [keys]")
    return dict(_entry(path, board, key) for board, key in entries.items())


def load_retired(path: Path) -> dict[int, list[bytes]]:
    """board_id -> its former keys, oldest first; InputError as `load`."""
    entries = _tables(path).get("retired", {})
    if not isinstance(entries, dict) or any(type(each) is not list for each in entries.values()):
        raise InputError(f"keys file {path}: [retired] needs a list of keys for each board")
    retired: dict[int, list[bytes]] = {}
    for board, former in entries.items():
        for text in former:
            board_id, key = _entry(path, board, text)
            retired.setdefault(board_id, []).append(key)
    return retired


def rotated(path: Path, board_id: int, key: bytes) -> tuple[Keys, Mapping[int, Sequence[bytes]]]:
    """What to `save` for a board's new key; the one before is retired. The file need not exist."""
    keys = load(path) if path.exists() else {}
    retired = load_retired(path) if path.exists() else {}
    if board_id in keys:
        retired.setdefault(board_id, []).append(keys[board_id])
    return {**keys, board_id: key}, retired


def save(path: Path, keys: Keys, retired: Mapping[int, Sequence[bytes]] | None = None) -> None:
    """Written beside and renamed, with mode 0600 from its first byte."""
    lines = ["[keys]", *(f'{board} = "{keys[board].hex()}"' for board in sorted(keys))]
    if retired:
        former = {board: [key.hex() for key in retired[board]] for board in sorted(retired)}
        lines += ["", "[retired]", *(f"{board} = {each}" for board, each in former.items())]
    beside = path.with_name(path.name + ".new")
    try:
        beside.unlink(missing_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        beside.replace(path)
    except OSError as error:
        raise InputError(f"keys file {path}: {error.strerror}") from None


def _tables(path: Path) -> dict[str, object]:
    try:
        mode = path.stat().st_mode
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"keys file {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"keys file {path}: {error}") from None
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InputError(f"keys file {path} is open to others; run: chmod 600 {path}")
    return tables


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
