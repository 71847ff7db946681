# SPDX-License-Identifier: MIT
"""Agreements of a crowd with others: who else may ask its boards, and whom these may ask.

Each direction is a sheet of keys that one owner makes and the other takes. A sheet is as secret as
the keys on it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from crowdcharge.boards.keys import board_of, key_of
from crowdcharge.errors import InputError
from crowdcharge.files import read_text
from crowdcharge.toml_table import Table
from wptcore import peer_keys
from wptcore.quotas import QUOTAS_MAX

Keys = dict[int, dict[int, bytes]]  # by the board that asks, by the board that it asks
PEERS_MAX = 64  # the keys that a board keeps
QUOTA_MAX_mJ = 0xFFFF_FFFF
_CHANGES_MAX = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Sheet:
    """The keys with which boards of the crowd `taker` may ask boards of the crowd `giver`."""

    giver: int
    taker: int
    keys: Keys

    def document(self) -> bytes:
        lines = [f'giver = "{self.giver:08x}"', f'taker = "{self.taker:08x}"']
        return ("\n".join([*lines, *_key_lines("keys", self.keys)]) + "\n").encode()


@dataclass(slots=True)
class Agreements:
    """`may_ask`: other crowds whose boards may ask ours; `keys`: by crowd, what ours may ask with.

    `quotas_mJ`: by such a crowd, how much each of our boards gives all of its boards in a day.
    `changes` counts what was agreed, taken and ended.
    """

    may_ask: list[int] = field(default_factory=list)
    keys: dict[int, Keys] = field(default_factory=dict)
    quotas_mJ: dict[int, int] = field(default_factory=dict)
    changes: int = 0

    def let_ask(self, giver: int, roots: dict[int, bytes], taker: int, boards: list[int]) -> Sheet:
        """Let boards of another crowd ask ours, which have these roots; return their keys."""
        if taker == giver:
            raise InputError("that is this crowd itself")
        if not roots:
            raise InputError("this crowd has no boards that could be asked")
        _apart(roots, boards)
        self.may_ask = sorted({*self.may_ask, taker})
        self.changes += 1
        keys = {board: _keys_of(board, taker, roots) for board in boards}
        return Sheet(giver, taker, keys)

    def bound(self, other: int, quota_mJ: int) -> None:
        """Let a crowd that may ask have so much a day; 0: as much as our boards give in all."""
        if other not in self.may_ask:
            raise InputError(f"crowd {other:08x} may not ask ours")
        others = {each: quota for each, quota in self.quotas_mJ.items() if each != other}
        if quota_mJ and len(others) >= QUOTAS_MAX:
            raise InputError(f"a board keeps the quotas of at most {QUOTAS_MAX} agreements")
        if quota_mJ > QUOTA_MAX_mJ:
            raise InputError("a board counts no more than 1193 Wh")
        self.quotas_mJ = others | ({other: quota_mJ} if quota_mJ else {})
        self.changes += 1

    def take(self, sheet: Sheet, crowd: int, members: Collection[int]) -> None:
        """Take the keys on a sheet for members of this crowd, in the place of earlier ones."""
        if sheet.taker != crowd:
            raise InputError(f"the sheet is for crowd {sheet.taker:08x}; this is {crowd:08x}")
        for board in sheet.keys:
            if board not in members:
                raise InputError(f"board {board} on the sheet is no member of this crowd")
        others = {each: keys for each, keys in self.keys.items() if each != sheet.giver}
        for board, keys in sheet.keys.items():
            known = [
                *members,
                *(given for each in others.values() for given in each.get(board, ())),
            ]
            _apart(known, keys)
            if len(known) - 1 + len(keys) > PEERS_MAX:
                raise InputError(f"board {board} would keep more than {PEERS_MAX} keys")
        self.keys = others | {sheet.giver: sheet.keys}
        self.changes += 1

    def end(self, other: int) -> None:
        """End all that was agreed with another crowd, in both directions."""
        if other not in self.may_ask and other not in self.keys:
            raise InputError(f"there is no agreement with crowd {other:08x}")
        self.may_ask = [each for each in self.may_ask if each != other]
        self.quotas_mJ.pop(other, None)
        self.keys.pop(other, None)
        self.changes += 1

    def keys_of(self, board_id: int) -> dict[int, bytes]:
        """Return the keys with which a board may ask boards of other crowds."""
        return {
            giver: key
            for keys in self.keys.values()
            for giver, key in keys.get(board_id, {}).items()
        }

    def lines(self) -> list[str]:
        """Return them as lines of the crowd's file; none if nothing was ever agreed."""
        if not self.changes:
            return []
        names = ", ".join(f'"{each:08x}"' for each in self.may_ask)
        lines = ["", "[agreements]", f"changes = {self.changes}", f"may_ask = [{names}]"]
        if self.quotas_mJ:
            lines += ["", "[agreements.quotas_mJ]"]
            lines += [f"{crowd:08x} = {quota}" for crowd, quota in sorted(self.quotas_mJ.items())]
        for crowd, keys in sorted(self.keys.items()):
            lines += _key_lines(f"agreements.keys.{crowd:08x}", keys)
        return lines

    @classmethod
    def read(cls, table: Table) -> "Agreements":
        table.only(("changes", "may_ask", "quotas_mJ", "keys"))
        named = table.raw("may_ask", [])
        if not isinstance(named, list):
            raise table.fail("may_ask", "must be a list of numbers of crowds")
        keys, quotas = table.table("keys"), table.table("quotas_mJ")
        return cls(
            [_crowd(table, "may_ask", each) for each in named],
            {_crowd(keys, name, name): _read_keys(keys.table(name)) for name in keys.values()},
            {
                _crowd(quotas, name, name): quotas.integer(name, 1, 1, QUOTA_MAX_mJ)
                for name in quotas.values()
            },
            table.integer("changes", 0, 0, _CHANGES_MAX),
        )


def read_sheet(path: Path) -> Sheet:
    """Read a sheet; InputError names what is wrong, and never shows a key."""
    top = Table.parse(read_text(path), str(path))
    top.only(("giver", "taker", "keys"))
    giver, taker = (_crowd(top, name, top.raw(name)) for name in ("giver", "taker"))
    keys = _read_keys(top.table("keys"))
    if not keys:
        raise InputError(f"{path}: has no keys")
    return Sheet(giver, taker, keys)


def crowd_number(text: str) -> int | None:
    """Return the number of a crowd, written as `crowd list` prints it; None for anything else."""
    well_formed = len(text) == 8 and all(each in "0123456789abcdef" for each in text)
    return (int(text, 16) or None) if well_formed else None


def _crowd(table: Table, key: str, text: object) -> int:
    number = crowd_number(str(text))
    if number is None:
        raise table.fail(key, "must name crowds as `crowd list` prints them")
    return number


def _keys_of(board: int, crowd: int, roots: dict[int, bytes]) -> dict[int, bytes]:
    return {each: peer_keys.pair_key(sha256, root, crowd, board) for each, root in roots.items()}


def _apart(ours: Iterable[int], theirs: Iterable[int]) -> None:
    """Two boards of one number could not be told apart by their adverts."""
    for board in {*ours} & {*theirs}:
        raise InputError(f"both crowds have a board {board}: give one of them another number")


def _key_lines(table: str, keys: Keys) -> list[str]:
    lines = []
    for board, found in sorted(keys.items()):
        lines += ["", f"[{table}.{board}]"]
        lines += [f'{giver} = "{key.hex()}"' for giver, key in sorted(found.items())]
    return lines


def _read_keys(table: Table) -> Keys:
    found: Keys = {}
    for board in table.values():
        number, row = board_of(table, board), table.table(board)
        found[number] = {
            board_of(row, each): key_of(row, each, row.string(each, "")) for each in row.values()
        }
    return found
