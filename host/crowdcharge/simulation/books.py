# SPDX-License-Identifier: MIT
"""PURE: the check that closes every run: transfers add up to boards, and energy to energy."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from crowdcharge.errors import WptError
from crowdcharge.simulation.board import SimulatedBoard
from crowdcharge.simulation.board_rows import column
from crowdcharge.simulation.world import SimulatedTransfer

RELATIVE_TOLERANCE = 1e-7  # of a board's capacity and of all that went through it

Values = NDArray[np.float64]


def counted(
    boards: Sequence[SimulatedBoard], transfers: Iterable[SimulatedTransfer]
) -> tuple[Values, Values]:
    """Add up what each board sent and received (n,) in its transfers."""
    place = {board.id: k for k, board in enumerate(boards)}
    sent_J, received_J = np.zeros(len(boards)), np.zeros(len(boards))
    for transfer in transfers:
        sent_J[place[transfer.ptx.id]] += transfer.sent_J
        received_J[place[transfer.prx.id]] += transfer.received_J
    return sent_J, received_J


def check_books(
    boards: Sequence[SimulatedBoard], start_J: Values, sent_J: Values, received_J: Values
) -> None:
    """Compare every board with its transfers, and its energy with all that came and went.

    `start_J` (n,) is each board's energy at the start, the others are what its transfers add up
    to. WptError names the first board whose books do not close; it means a fault of the
    simulator, not of the scenario.
    """
    came_J = start_J + column(boards, "received_J") + column(boards, "cord_J")
    went_J = column(boards, "sent_J") + column(boards, "used_J")
    most_J = RELATIVE_TOLERANCE * (column(boards, "capacity_J") + came_J + went_J)
    for what, counted_J, name in (
        ("sent", sent_J, "sent_J"),
        ("received", received_J, "received_J"),
        ("has", came_J - went_J, "energy_J"),
    ):
        booked_J = column(boards, name)
        wrong = np.flatnonzero(~(np.abs(counted_J - booked_J) <= most_J))
        if len(wrong):
            k = int(wrong[0])
            raise WptError(
                f"internal error: board {boards[k].id} {what} {booked_J[k]:.9g} J, but its"
                f" transfers and cords add up to {counted_J[k]:.9g} J; please report it"
            )
