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
from collections.abc import Mapping, Sequence
from pathlib import Path

from crowdcharge.errors import InputError
from crowdcharge.toml_table import Table, read_text
from wptcore.auth import KEY_SIZE
from wptcore.wire import BOARD_ID_MAX

Keys = Mapping[int, bytes]


def load(path: Path) -> dict[int, bytes]:
    """board_id -> key; InputError if the file is unreadable, malformed or open to others."""
    top = _read(path)
    if "keys" not in top:
        raise top.fail("keys", "the table is missing")
    table = top.table("keys")
    return {_board(table, board): _key(table, board, key) for board, key in table.values().items()}


def load_retired(path: Path) -> dict[int, list[bytes]]:
    """board_id -> its former keys, oldest first; InputError as `load`."""
    table = _read(path).table("retired")
    retired: dict[int, list[bytes]] = {}
    for board, former in table.values().items():
        if not isinstance(former, list):
            raise table.fail(board, "must be a list of keys")
        keys = [_key(table, board, key, number) for number, key in enumerate(former)]
        retired.setdefault(_board(table, board), []).extend(keys)
    return retired


def rotated(path: Path, board_id: int, key: bytes) -> tuple[Keys, Mapping[int, Sequence[bytes]]]:
    """Compute what to `save` for a board's new key; its former one is retired.

    The file need not exist.
    """
    keys = load(path) if path.exists() else {}
    retired = load_retired(path) if path.exists() else {}
    if board_id in keys:
        retired.setdefault(board_id, []).append(keys[board_id])
    return {**keys, board_id: key}, retired


def save(path: Path, keys: Keys, retired: Mapping[int, Sequence[bytes]] | None = None) -> None:
    """Write a temporary file with mode 0600 from its first byte, then rename it."""
    lines = ["[keys]", *(f'{board} = "{keys[board].hex()}"' for board in sorted(keys))]
    if retired:
        former = {board: [key.hex() for key in retired[board]] for board in sorted(retired)}
        lines += ["", "[retired]", *(f"{board} = {each}" for board, each in former.items())]
    temporary = path.with_name(path.name + ".new")
    try:
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def _read(path: Path) -> Table:
    top = Table.parse(read_text(path), str(path))
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InputError(f"{path}: open to others; run: chmod 600 {path}")
    return top


def _board(table: Table, board: str) -> int:
    if not board.isdecimal() or len(board) > 5 or not 0 < int(board) <= BOARD_ID_MAX:
        raise table.fail(board, f"a board's number is 1 to {BOARD_ID_MAX}")
    return int(board)


def _key(table: Table, board: str, key: object, *within: int) -> bytes:
    """The key's bytes; a key is never part of an error's text."""
    try:
        value = bytes.fromhex(str(key))
    except ValueError:
        value = b""
    if len(value) != KEY_SIZE:
        raise table.fail(board, f"must be {2 * KEY_SIZE} hexadecimal digits", *within)
    return value
