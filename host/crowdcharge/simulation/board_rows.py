# SPDX-License-Identifier: MIT
"""PURE: boards and transfers of a large run as sequences over arrays, made when asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from crowdcharge.simulation.board import SimulatedBoard
from crowdcharge.simulation.contacts import Contact
from crowdcharge.simulation.world import SimulatedTransfer

Rows = NDArray[Any]
START = np.dtype(
    [
        *((name, "f8") for name in ("capacity_J", "energy_J", "load_W", "arrives_s", "leaves_s")),
        ("pad", "?"),
    ]
)
TRANSFER = ("offered_J", "start_s", "end_s", "sent_J", "received_J")
FLAGS = {"present", "starved"}


class BoardRows(Sequence[SimulatedBoard]):
    """Boards as rows (n,) with fields named as those of SimulatedBoard; some may be missing.

    `ids` (n,) are their numbers, `cords` their spans on the cord by position.
    """

    def __init__(
        self,
        rows: Rows,
        ids: Sequence[int],
        cords: Mapping[int, tuple[tuple[float, float], ...]],
    ) -> None:
        self.rows, self.ids, self.cords = rows, ids, cords

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, at: int) -> SimulatedBoard: ...
    @overload
    def __getitem__(self, at: slice) -> list[SimulatedBoard]: ...
    def __getitem__(self, at: int | slice) -> SimulatedBoard | list[SimulatedBoard]:
        if isinstance(at, slice):
            return [self[k] for k in range(*at.indices(len(self)))]
        at = range(len(self))[at]
        row = self.rows[at]
        known = {each.name for each in fields(SimulatedBoard)} & set(row.dtype.names)
        values = {name: row[name].item() for name in known - {"cords"}}
        values |= {name: bool(values[name]) for name in FLAGS & known}
        return SimulatedBoard(id=self.ids[at], cords=self.cords.get(at, ()), **values)


class TransferRows(Sequence[SimulatedTransfer]):
    """Transfers that were kept, by their start; `total` is how many there were."""

    def __init__(self, rows: Rows, boards: BoardRows, reasons: Sequence[str], total: int) -> None:
        self.rows, self.boards, self.total = rows, boards, int(total)
        self._reasons = reasons

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, at: int) -> SimulatedTransfer: ...
    @overload
    def __getitem__(self, at: slice) -> list[SimulatedTransfer]: ...
    def __getitem__(self, at: int | slice) -> SimulatedTransfer | list[SimulatedTransfer]:
        if isinstance(at, slice):
            return [self[k] for k in range(*at.indices(len(self)))]
        row, boards = self.rows[at], self.boards
        ptx, prx = boards[int(row["ptx"])], boards[int(row["prx"])]
        pair = (ptx.id, prx.id) if row["a_gives"] else (prx.id, ptx.id)
        contact = Contact(row["contact_start_s"].item(), row["contact_end_s"].item(), *pair)
        values = {name: row[name].item() for name in TRANSFER}
        why = self._reasons[row["why"]]
        return SimulatedTransfer(contact, ptx, prx, ended_by=why, **values)


def column(boards: Sequence[SimulatedBoard], name: str) -> NDArray[np.float64]:
    """Return one figure of all boards (n,)."""
    if isinstance(boards, BoardRows):
        return np.asarray(boards.rows[name], np.float64)
    return np.array([getattr(board, name) for board in boards], np.float64)
