# SPDX-License-Identifier: MIT
"""PURE: the check that closes every run: transfers add up to boards, and energy to energy."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from crowdcharge.errors import WptError
from crowdcharge.simulation.board import SimulatedBoard

if TYPE_CHECKING:
    from crowdcharge.simulation.world import SimulatedTransfer

RELATIVE_TOLERANCE = 1e-7  # of a board's capacity and of all that went through it


def check_books(
    boards: Iterable[SimulatedBoard],
    start_J: Mapping[int, float],
    transfers: Iterable["SimulatedTransfer"],
) -> None:
    """Compare every board with its transfers, and its energy with all that came and went.

    `start_J` is each board's energy at the start. WptError names the first board whose books do
    not close; it means a fault of the simulator, not of the scenario.
    """
    sent_J: dict[int, float] = defaultdict(float)
    received_J: dict[int, float] = defaultdict(float)
    for transfer in transfers:
        sent_J[transfer.ptx.id] += transfer.sent_J
        received_J[transfer.prx.id] += transfer.received_J
    for board in boards:
        came_J = start_J[board.id] + board.received_J + board.cord_J
        went_J = board.sent_J + board.used_J
        most_J = RELATIVE_TOLERANCE * (board.capacity_J + came_J + went_J)
        for what, counted_J, booked_J in (
            ("sent", sent_J[board.id], board.sent_J),
            ("received", received_J[board.id], board.received_J),
            ("has", came_J - went_J, board.energy_J),
        ):
            if not abs(counted_J - booked_J) <= most_J:
                raise WptError(
                    f"internal error: board {board.id} {what} {booked_J:.9g} J, but its"
                    f" transfers and cords add up to {counted_J:.9g} J; please report it"
                )
