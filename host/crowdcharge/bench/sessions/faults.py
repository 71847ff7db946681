# SPDX-License-Identifier: MIT
"""What a fault of a session does to one board, under the bench's name for it."""

from collections.abc import Callable

from crowdcharge.bench.sessions.core_radio import CoreAir
from crowdcharge.bench.sessions.metered_board import MeteredBoard

FOREIGN_W = 1.0
HOT_C = 80.0
_Act = Callable[[MeteredBoard, CoreAir], None]


def _take_away(_board: MeteredBoard, _air: CoreAir) -> None:
    """Leave it to the session, which arranges who lies on whom."""


def _lay_coin(board: MeteredBoard, _air: CoreAir) -> None:
    board.node.foreign_W = FOREIGN_W


def _heat(board: MeteredBoard, _air: CoreAir) -> None:
    board.node.coil.held_C = HOT_C


def _plug_in(board: MeteredBoard, _air: CoreAir) -> None:
    board.node.cable = True


def _break_meter(how: str) -> _Act:
    def break_it(board: MeteredBoard, _air: CoreAir) -> None:
        setattr(board.meters["tx"].chip, how, True)

    return break_it


def _drop(board: MeteredBoard, air: CoreAir) -> None:
    air.part(board)


FAULTS: dict[str, _Act] = {
    "move": _take_away,
    "foreign-object": _lay_coin,
    "hot-coil": _heat,
    "cable": _plug_in,
    "meter-dead": _break_meter("dead"),
    "meter-overflow": _break_meter("overflow"),
    "meter-stuck": _break_meter("stuck"),
    "link-drop": _drop,
}
