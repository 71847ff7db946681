# SPDX-License-Identifier: MIT
"""The boards' keys on the host: a TOML file that only its owner can read.

    [keys]
    7 = "64 hexadecimal digits"

    [retired]  # for `ledger verify`: what boards had before, oldest first
    7 = ["64 hexadecimal digits"]

    [pending]  # `provision` began to give a board these, and has not heard that it has one
    7 = ["64 hexadecimal digits"]

Every change is a read and a write under one lock, and no change drops a key. Keys are never logged
and never in the ledger.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from crowdcharge.errors import InputError
from crowdcharge.files import locked, read_text, require_private, write_whole
from crowdcharge.toml_table import Table
from wptcore.auth import KEY_SIZE
from wptcore.console_commands import fingerprint
from wptcore.wire import BOARD_ID_MAX

Keys = Mapping[int, bytes]

_LOCK_WAIT_s = 10.0  # a change takes milliseconds


def load(path: Path) -> dict[int, bytes]:
    """board_id -> key; InputError if the file is unreadable, malformed or open to others."""
    top = read_private(path)
    if "keys" not in top:
        raise top.fail("keys", "the table is missing")
    table = top.table("keys")
    return {
        board_of(table, board): key_of(table, board, key) for board, key in table.values().items()
    }


def load_retired(path: Path) -> dict[int, list[bytes]]:
    """board_id -> its former keys, oldest first; InputError as `load`."""
    return _lists(read_private(path), "retired")


def reserve(path: Path, board_id: int, key: bytes, shown: str) -> None:
    """Note that a board is about to get a key; `shown` is the fingerprint of what it has now.

    The file need not exist. InputError if the number is another board's: this one would then have
    to show the fingerprint of one of the keys that the number ever had.
    """
    with _changing(path) as tables:
        known = {fingerprint(sha256, each) for each in tables.all_of(board_id)}
        if board_id in tables.keys and shown not in known:
            raise InputError(
                f"{path}: number {board_id} is another board's, or of this one before it was "
                "erased; choose another --id, or move its key to [retired] first"
            )
        tables.pending.setdefault(board_id, []).append(key)


def confirm(path: Path, board_id: int, key: bytes) -> None:
    """Make a reserved key the board's own; every key that the number had before is retired.

    InputError if another board took the number in the meantime.
    """
    with _changing(path) as tables:
        pending = tables.pending.pop(board_id, [])
        if key not in pending:
            raise InputError(f"{path}: another board was made number {board_id} meanwhile")
        before = [tables.keys[board_id]] if board_id in tables.keys else []
        before += [each for each in pending if each != key]
        if before:
            tables.retired.setdefault(board_id, []).extend(before)
        tables.keys[board_id] = key


def save(path: Path, keys: Keys) -> None:
    """Write a file of these keys and no others, with mode 0600 from its first byte."""
    write_whole(path, document(keys), 0o600)


def document(keys: Keys) -> bytes:
    """Return the content of a keys file that holds these keys and no others."""
    return _Tables(dict(keys), {}, {}).document()


@dataclass(frozen=True, slots=True)
class _Tables:
    """What a keys file holds; `retired` and `pending` list a board's keys oldest first."""

    keys: dict[int, bytes]
    retired: dict[int, list[bytes]]
    pending: dict[int, list[bytes]]

    def all_of(self, board_id: int) -> list[bytes]:
        own = [self.keys[board_id]] if board_id in self.keys else []
        return [*self.retired.get(board_id, ()), *own, *self.pending.get(board_id, ())]

    def document(self) -> bytes:
        lines = [
            "[keys]",
            *(f'{board} = "{self.keys[board].hex()}"' for board in sorted(self.keys)),
        ]
        for name, table in (("retired", self.retired), ("pending", self.pending)):
            if table:
                lists = {board: [key.hex() for key in table[board]] for board in sorted(table)}
                lines += ["", f"[{name}]", *(f"{board} = {each}" for board, each in lists.items())]
        return ("\n".join(lines) + "\n").encode()


@contextmanager
def _changing(path: Path) -> Iterator[_Tables]:
    """Read the file, let the block change what it says, and write it whole, under one lock."""
    with locked(path, _LOCK_WAIT_s):
        if path.exists():
            read_private(path).only(("keys", "retired", "pending"))  # the others would be lost
            tables = _Tables(load(path), load_retired(path), _lists(read_private(path), "pending"))
        else:
            tables = _Tables({}, {}, {})
        yield tables
        write_whole(path, tables.document(), 0o600)


def _lists(top: Table, name: str) -> dict[int, list[bytes]]:
    """Return a table of lists of keys by board; {} if there is none."""
    table = top.table(name)
    lists: dict[int, list[bytes]] = {}
    for board, listed in table.values().items():
        if not isinstance(listed, list):
            raise table.fail(board, "must be a list of keys")
        keys = [key_of(table, board, key, number) for number, key in enumerate(listed)]
        lists.setdefault(board_of(table, board), []).extend(keys)
    return lists


def read_private(path: Path) -> Table:
    """Read a file of keys; InputError if others may read it."""
    top = Table.parse(read_text(path), str(path))
    require_private(path)
    return top


def board_of(table: Table, board: str) -> int:
    """Return the number of a board that is a name in the table; it has one spelling, so that no
    second one hides a key.
    """
    if not re.fullmatch("[1-9][0-9]{0,4}", board) or int(board) > BOARD_ID_MAX:
        raise table.fail(board, f"a board's number is 1 to {BOARD_ID_MAX}, in plain digits")
    return int(board)


def key_of(table: Table, board: str, key: object, *within: int) -> bytes:
    """Return the key's bytes; a key is never part of an error's text."""
    try:
        value = bytes.fromhex(str(key))
    except ValueError:
        value = b""
    if len(value) != KEY_SIZE:
        raise table.fail(board, f"must be {2 * KEY_SIZE} hexadecimal digits", *within)
    return value
