# SPDX-License-Identifier: MIT
"""Who does what now: one job at a time for each board, and no more boards than there are slots."""

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from crowdcharge.boards.fleet import BoardView
from crowdcharge.boards.link import BoardLink
from crowdcharge.errors import WptError
from crowdcharge.orchestrator.station import Station

RETRY_s = 1.0  # of the event loop's time: so long a board rests that failed or was just visited


class Jobs:
    """Starts jobs on boards, and knows which boards are free for one.

    A job is a visit, which fetches what a board has to tell, or whatever `start` is given. A board
    is ready for anything but a visit once it has been visited. `forbidden`: boards that take no
    part; they are still visited.
    """

    def __init__(self, station: Station) -> None:
        self.forbidden: set[int] = set()
        self._station = station
        self._fleet, self._pool = station.fleet, station.pool
        self._busy: set[int] = set()
        self._visited: set[int] = set()
        self._rests_until_s: dict[int, float] = {}

    def start(self, work: asyncio.TaskGroup, job: Coroutine[Any, Any, None], *boards: int) -> None:
        """Begin a job on boards that are free. If it fails, say so, and let boards rest.

        If one of them is the reason, the others are free: else whoever is declared to lie beside
        a board that is gone would try that one for ever, and meet nobody else.
        """
        self._busy.update(boards)

        async def guarded() -> None:
            try:
                with self._pool.hold(*boards):
                    await job
            except WptError as error:
                reason = getattr(error, "board_id", 0)
                self.rest(*({reason} & {*boards} or boards))
                self._station.trouble(reason, error)
            finally:
                self._busy.difference_update(boards)

        work.create_task(guarded())

    @asynccontextmanager
    async def visiting(self, board_id: int) -> AsyncIterator[BoardLink]:
        """Keep a free board to oneself, for what a person asks of it."""
        self._busy.add(board_id)
        try:
            with self._pool.hold(board_id):
                yield await self._pool.get(board_id)
        finally:
            self._busy.discard(board_id)

    # -- visits --

    def start_visits(self, work: asyncio.TaskGroup) -> None:
        """Visit every board that must be visited, as far as there are slots."""
        pending = self._station.ledger_keeper.pending()
        due = [
            view.board_id
            for view in self._fleet.views()
            if self._can_be_visited(view) and self._must_be_visited(view, pending)
        ]
        for board_id in due:
            if self._has_slots(board_id):
                self.start_visit(work, board_id)

    def start_visit(self, work: asyncio.TaskGroup, board_id: int) -> None:
        self.start(work, self._visit(board_id), board_id)

    def visit_all_anew(self) -> None:
        self._visited.clear()

    async def _visit(self, board_id: int) -> None:
        await self._station.sync(board_id)
        self._visited.add(board_id)
        self.rest(board_id)  # until its adverts have caught up with what it just said

    def _must_be_visited(self, view: BoardView, pending: Collection[int]) -> bool:
        """Tell whether a board is new, owes a receipt, or advertises what the ledger lacks."""
        board_id, keeper = view.board_id, self._station.ledger_keeper
        if board_id in pending or board_id not in self._visited:
            return True
        return view.newest.problem != keeper.has_problem(board_id) or keeper.is_behind(view.newest)

    def _can_be_visited(self, view: BoardView) -> bool:
        board_id = view.board_id
        has_key = board_id in self._station.keys
        return has_key and not self.is_busy(board_id) and self._can_answer(board_id)

    # -- who is free --

    def is_busy(self, board_id: int) -> bool:
        return board_id in self._busy

    def is_ready(self, board_id: int) -> bool:
        """Tell whether a board could begin a transfer now, if it had a slot."""
        is_free = not self.is_busy(board_id) and board_id not in self.forbidden
        return is_free and board_id in self._visited and self._can_answer(board_id)

    def ready(self) -> set[int]:
        return set(filter(self.is_ready, self._visited))

    def can_begin(self, boards: Collection[int]) -> bool:
        """Tell whether all these boards are ready, and the radio has room for them."""
        return all(map(self.is_ready, boards)) and self._has_slots(*boards)

    def _has_slots(self, *boards: int) -> bool:
        """Tell whether the radio can hold all these boards beside those that are busy.

        A pair gets both its slots or none, so that no two pairs wait for each other.
        """
        return len(self._busy.union(boards)) <= self._pool.slots

    def _can_answer(self, board_id: int) -> bool:
        is_resting = asyncio.get_running_loop().time() < self._rests_until_s.get(board_id, 0.0)
        return not is_resting and self._pool.can_get(board_id)

    def rest(self, *boards: int) -> None:
        """Leave boards alone for a while."""
        until_s = asyncio.get_running_loop().time() + RETRY_s
        self._rests_until_s.update(dict.fromkeys(boards, until_s))
