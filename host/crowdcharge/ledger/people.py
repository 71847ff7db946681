# SPDX-License-Identifier: MIT
"""Whose boards they are: the side table with names, which no ledger has.

    [people]
    "Ann Lee" = [7, 9]

A ledger knows boards by their numbers only. So what is deleted about a person is the line here:
the ledger stays as it is, and its chain verifies.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from crowdcharge.boards.keys import read_private
from crowdcharge.errors import InputError
from crowdcharge.files import locked, write_whole
from crowdcharge.ledger import kinds
from crowdcharge.ledger.bodies import body_of
from crowdcharge.ledger.rows import LOSS, Row, account_of
from crowdcharge.toml_table import Table, written
from wptcore.wire import BOARD_ID_MAX

_NAME_MAX = 100
_BOARD_FIELDS = (
    *("board_id", "ptx", "prx", "peer", "seller", "buyer", "payer", "payee"),
    *("debtor", "creditor"),
)


@dataclass(slots=True)
class People:
    """By name the numbers of a person's boards; a board may be several people's."""

    boards: dict[str, list[int]] = field(default_factory=dict)

    def of(self, name: str) -> list[int]:
        """Return the numbers of a person's boards; InputError if there is no such person."""
        if name not in self.boards:
            raise InputError(f"there is nobody named {name!r} here")
        return self.boards[name]

    def add(self, name: str, boards: Iterable[int]) -> None:
        if not name.strip() or not name.isprintable() or len(name) > _NAME_MAX:
            raise InputError(f"a name has 1 to {_NAME_MAX} printable characters")
        self.boards[name] = sorted({*self.boards.get(name, ()), *boards})

    def forget(self, name: str) -> None:
        self.of(name)
        del self.boards[name]

    def document(self) -> bytes:
        rows = (f"{written(name)} = {self.boards[name]}" for name in sorted(self.boards))
        return ("\n".join(["[people]", *rows]) + "\n").encode()


def load(path: Path) -> People:
    """Read the side table; InputError if it is malformed or open to others."""
    top = read_private(path)
    top.only(("people",))
    table = top.table("people")
    return People({name: _boards(table, name) for name in table.values()})


@contextmanager
def changing(path: Path) -> Iterator[People]:
    """Read the table, which need not exist, let the block change it, and write it whole."""
    with locked(path):
        people = load(path) if path.exists() else People()
        yield people
        write_whole(path, people.document(), 0o600)


def about(rows: Iterable[Row], boards: Collection[int]) -> Iterator[Row]:
    """Yield the rows that name one of the boards, and what their transfers came to."""
    accounts = {account_of(board) for board in boards}
    transfers: set[int] = set()
    for row in rows:
        content = row.content()
        if isinstance(content, kinds.Open) and {content.ptx, content.prx} & {*boards}:
            transfers.add(content.transfer_id)
        if isinstance(content, kinds.Entry):
            wanted = content.account in accounts or (
                content.account == LOSS and content.transfer_id in transfers
            )
        elif isinstance(content, kinds.State | kinds.Member):
            wanted = content.transfer_id in transfers
        elif isinstance(content, kinds.MarketRow):
            wanted = any(take.board_id in boards for take in content.takes)
        else:
            body = body_of(content)
            wanted = any(body.get(name) in boards for name in _BOARD_FIELDS if name in body)
        if wanted:
            yield row


def _boards(table: Table, name: str) -> list[int]:
    found = table.raw(name)
    numbers = found if isinstance(found, list) else [None]
    if not all(type(each) is int and 0 < each <= BOARD_ID_MAX for each in numbers):
        raise table.fail(name, "must be a list of numbers of boards")
    return sorted({*numbers})
