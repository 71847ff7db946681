# SPDX-License-Identifier: MIT
"""The owner's file of a crowd: its key, its members, and what each board has got so far.

Whoever has this file can be any member towards any other. It cannot sign a receipt.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from crowdcharge.boards.agreement import PEERS_MAX, Agreements, Sheet
from crowdcharge.boards.crowd import POLICIES, POLICY, crowd_id, membership
from crowdcharge.boards.keys import board_of, key_of, read_private
from crowdcharge.errors import InputError
from crowdcharge.files import locked, write_whole
from crowdcharge.toml_table import Table
from wptcore import peer_keys
from wptcore.auth import KEY_SIZE
from wptcore.wire import BOARD_ID_MAX

MEMBERS_MAX = PEERS_MAX + 1
_EPOCH_MAX = 0xFFFF_FFFF


@dataclass(slots=True)
class Crowd:
    """`epoch` rises when a member leaves, and makes all roots anew.

    `written`: by member, the epoch, how many members and how many changes of agreements its board
    knew when it was last written.
    """

    key: bytes
    policy: str = POLICY
    epoch: int = 0
    members: list[int] = field(default_factory=list)
    agreements: Agreements = field(default_factory=Agreements)
    written: dict[int, tuple[int, int, int]] = field(default_factory=dict)

    @property
    def id(self) -> int:
        return crowd_id(self.key)

    def membership(self, board_id: int) -> dict[str, object]:
        found = membership(self.key, board_id, self.members, epoch=self.epoch, policy=self.policy)
        for giver, key in self.agreements.keys_of(board_id).items():
            found["peers"][str(giver)] = key.hex()
        quotas = {str(crowd): quota for crowd, quota in self.agreements.quotas_mJ.items()}
        return found | {"agreed": self.agreements.may_ask, "quotas": quotas}

    def is_behind(self, board_id: int) -> bool:
        """Tell whether the board lacks a key, or trusts one that has left."""
        return self.written.get(board_id) != self._as_of_now()

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
        self.written[board_id] = self._as_of_now()

    def let_ask(self, other: int, boards: list[int]) -> Sheet:
        """Let these boards of another crowd ask all members; return the keys that they need."""
        roots = {
            member: peer_keys.root(sha256, self.key, self.epoch, member) for member in self.members
        }
        return self.agreements.let_ask(self.id, roots, other, boards)

    def _as_of_now(self) -> tuple[int, int, int]:
        return self.epoch, len(self.members), self.agreements.changes

    def document(self) -> bytes:
        lines = [
            f'key = "{self.key.hex()}"',
            f'policy = "{self.policy}"',
            f"epoch = {self.epoch}",
            f"members = {self.members}",
            "",
            "[written]",
            *(f"{board} = {[*self.written[board]]}" for board in sorted(self.written)),
            *self.agreements.lines(),
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
    top = read_private(path)
    top.only(("key", "policy", "epoch", "members", "written", "agreements"))
    key = key_of(top, "key", top.string("key", ""))
    crowd = Crowd(key, top.string("policy", POLICY, POLICIES))
    crowd.epoch = top.integer("epoch", 0, 0, _EPOCH_MAX)
    crowd.members = _members(top)
    crowd.agreements = Agreements.read(top.table("agreements"))
    written = top.table("written")
    for board, pair in written.values().items():
        whole = isinstance(pair, list) and {type(each) for each in pair} == {int}
        number = board_of(written, board)
        if not whole or len(pair) not in {2, 3}:
            raise written.fail(board, "must be a board = [epoch, members, changes of agreements]")
        epoch, members, changes = [*pair, 0][:3]  # files from before agreements have two numbers
        crowd.written[number] = epoch, members, changes
    return crowd


def _members(top: Table) -> list[int]:
    found = top.raw("members", [])
    good = isinstance(found, list) and len(found) <= MEMBERS_MAX
    if not good or not all(type(each) is int and 0 < each <= BOARD_ID_MAX for each in found):
        raise top.fail("members", f"must be a list of at most {MEMBERS_MAX} numbers of boards")
    return sorted({*found})
