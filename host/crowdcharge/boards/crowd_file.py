# SPDX-License-Identifier: MIT
"""The owner's file of a crowd: its key, its members, and what each board has got so far.

Whoever has this file can be any member towards any other. It cannot sign a receipt.
"""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from crowdcharge.boards.crowd import POLICIES, POLICY, crowd_id, membership
from crowdcharge.errors import InputError
from crowdcharge.files import locked, read_text, write_whole
from crowdcharge.toml_table import Table
from wptcore.auth import KEY_SIZE
from wptcore.wire import BOARD_ID_MAX

MEMBERS_MAX = 65  # a board keeps the keys to 64 others
_EPOCH_MAX = 0xFFFF_FFFF


@dataclass(slots=True)
class Crowd:
    """`epoch` rises when a member leaves, and makes all roots anew.

    `written`: by member, the epoch and how many members its board knew when it was last written.
    """

    key: bytes
    policy: str = POLICY
    epoch: int = 0
    members: list[int] = field(default_factory=list)
    written: dict[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def id(self) -> int:
        return crowd_id(self.key)

    def membership(self, board_id: int) -> dict[str, object]:
        return membership(self.key, board_id, self.members, epoch=self.epoch, policy=self.policy)

    def is_behind(self, board_id: int) -> bool:
        """Tell whether the board lacks a key, or trusts one that has left."""
        return self.written.get(board_id) != (self.epoch, len(self.members))

    def add(self, board_id: int) -> None:
        if board_id in self.members:
            return
        if len(self.members) >= MEMBERS_MAX:
            raise InputError(f"a crowd has at most {MEMBERS_MAX} boards")
        self.members = sorted([*self.members, board_id])

    def remove(self, board_id: int) -> None:
        if board_id not in self.members:
            raise InputError(f"board {board_id} is no member")
        self.members.remove(board_id)
        self.written.pop(board_id, None)
        self.epoch += 1

    def note_written(self, board_id: int) -> None:
        self.written[board_id] = self.epoch, len(self.members)

    def document(self) -> bytes:
        lines = [
            f'key = "{self.key.hex()}"',
            f'policy = "{self.policy}"',
            f"epoch = {self.epoch}",
            f"members = {self.members}",
            "",
            "[written]",
            *(f"{board} = {[*self.written[board]]}" for board in sorted(self.written)),
        ]
        return ("\n".join(lines) + "\n").encode()


def create(path: Path, policy: str) -> Crowd:
    """Make a crowd with a new key; InputError if the file is there."""
    crowd = Crowd(secrets.token_bytes(KEY_SIZE), policy)
    with locked(path):
        if path.exists():
            raise InputError(f"{path} is there already: it may be the only copy of a crowd's key")
        write_whole(path, crowd.document(), 0o600)
    return crowd


@contextmanager
def changing(path: Path) -> Iterator[Crowd]:
    """Read the crowd, let the block change it, and write it whole, under one lock."""
    with locked(path):
        crowd = load(path)
        yield crowd
        write_whole(path, crowd.document(), 0o600)


def load(path: Path) -> Crowd:
    """Read a crowd's file; InputError names what is wrong, and never shows the key."""
    top = Table.parse(read_text(path), str(path))
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InputError(f"{path}: open to others; run: chmod 600 {path}")
    top.only(("key", "policy", "epoch", "members", "written"))
    try:
        key = bytes.fromhex(top.string("key", ""))
    except ValueError:
        key = b""
    if len(key) != KEY_SIZE:
        raise top.fail("key", f"must be {2 * KEY_SIZE} hexadecimal digits")
    crowd = Crowd(key, top.string("policy", POLICY, POLICIES))
    crowd.epoch = top.integer("epoch", 0, 0, _EPOCH_MAX)
    crowd.members = _members(top)
    written = top.table("written")
    for board, pair in written.values().items():
        whole = isinstance(pair, list) and [type(each) for each in pair] == [int, int]
        if not board.isdecimal() or not whole:
            raise written.fail(board, "must be a board = [epoch, members]")
        crowd.written[int(board)] = pair[0], pair[1]
    return crowd


def _members(top: Table) -> list[int]:
    found = top.raw("members") if "members" in top else []
    good = isinstance(found, list) and len(found) <= MEMBERS_MAX
    if not good or not all(type(each) is int and 0 < each <= BOARD_ID_MAX for each in found):
        raise top.fail("members", f"must be a list of at most {MEMBERS_MAX} numbers of boards")
    return sorted({*found})
