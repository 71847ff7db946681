# SPDX-License-Identifier: MIT
"""Several sites without hardware: real orchestrators, real cores, boards that walk between them.

Each site hears the boards that are at it and keeps a ledger of its own, in a file and in a real
PostgreSQL, which is asked or left out as if it were away. Port files and radio stacks are not
modelled; services as processes are in test_services.py.
"""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from crowdcharge import policy as policies
from crowdcharge.bench.sessions.core_radio import CoreLink
from crowdcharge.bench.sessions.jumping_time import LoopClock
from crowdcharge.bench.sessions.steady_board import SteadyBoard
from crowdcharge.errors import RadioError
from crowdcharge.ledger.keeping import catch_up
from crowdcharge.ledger.kinds import Run, SiteRow
from crowdcharge.ledger.neighbours import Neighbours
from crowdcharge.ledger.postgres_rows import PostgresRows
from crowdcharge.ledger.sqlite_rows import SqliteRows
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.contacts import Pair, Present
from crowdcharge.orchestrator.orchestrator import Orchestrator
from crowdcharge.orchestrator.transfer import TransferTerms
from crowdcharge.radio.base import Advert, OnAdvert, OnClosed

from ..orchestrator.world import BEACON_s, SAMPLE_s, SUPERVISION_s

if TYPE_CHECKING:
    from collections.abc import Callable

    from crowdcharge.ledger.place import BooksUrl

LEASE_ms = 1500
LOOK_s = 0.7
SLOT_s = 4.0


class SiteHost:
    """One site: its radio, its ledger, and the lives of its host. It is the air of its links."""

    def __init__(self, world: "SitesWorld", number: int, first: int) -> None:
        self.world, self.number, self._first = world, number, first
        self.name = f"site-{number}"
        self.ledger = world.folder / f"{self.name}.sqlite"
        self.keys = dict(world.keys)  # read at each start
        self.dead = True
        self.next_handle = world.next_handle
        self.on_advert: OnAdvert | None = None
        self.orchestrator: Orchestrator | None = None
        self._life: asyncio.Task[None] | None = None

    def edge(self) -> None:
        if self.dead:
            raise asyncio.CancelledError

    def hears(self, _uuid: str, _data: bytes) -> bool:
        return not self.dead

    # -- its radio --

    async def start_scan(self, on_advert: OnAdvert) -> None:
        self.edge()
        self.on_advert = on_advert

    async def stop_scan(self) -> None:
        self.on_advert = None

    async def connect(self, address: str, on_closed: OnClosed) -> CoreLink:
        await asyncio.sleep(0.02)
        self.edge()
        for board in self.world.boards.values():
            if board.address == address and self.number in self.world.at[board.board_id]:
                return CoreLink(self, board, on_closed)
        raise RadioError(f"nobody answers at {address}")

    async def close(self) -> None:
        pass

    # -- its lives --

    def start(self) -> None:
        assert self.dead
        self.dead = False
        self._life = asyncio.create_task(self._live())

    def kill(self) -> None:
        """End at once, without a word: what is not on disk is lost."""
        assert self._life is not None
        if self._life.done():
            self._life.result()
        self.dead = True
        self._life.cancel()
        self.on_advert = self.orchestrator = None
        asyncio.get_running_loop().call_later(SUPERVISION_s, self.drop_links)

    async def end(self) -> None:
        """End in good order."""
        assert self._life is not None and self.orchestrator is not None
        self.orchestrator.stop()
        await self._life
        self.dead = True

    def drop_links(self, board_id: int | None = None) -> None:
        for board in self.world.boards.values():
            for link in list(board.links.values()):
                if link._air is self and board_id in {None, board.board_id}:
                    link.drop()

    async def _live(self) -> None:
        with Store.create(self.ledger) as store:
            store.append([Run("oblivious-share", 1, None)])
            if store.book.site is None:
                store.append([SiteRow(self.name, self.number)])
            self.orchestrator = Orchestrator(
                radio=self,
                store=store,
                keys=dict(self.keys),
                policy=policies.make("oblivious-share"),
                contacts=Present(self.world.present, SLOT_s),
                clock=LoopClock(),
                rng=np.random.default_rng(self.number),
                emit=lambda _event: None,
                terms=TransferTerms(lease_ms=LEASE_ms, duration_max_ms=3000),
                first_transfer_id=self._first,
            )
            async with asyncio.TaskGroup() as group:  # a look that fails ends the life, loudly
                looking = group.create_task(self._look(self.orchestrator))
                await self.orchestrator.run()
                looking.cancel()

    async def _look(self, orchestrator: Orchestrator) -> None:
        """Do what a forwarder's thread does, as long as the database is there."""
        neighbours = Neighbours(SiteRow(self.name, self.number))
        with closing(PostgresRows.write(self.world.books(self.name))) as database:
            while True:
                await asyncio.sleep(LOOK_s)
                if self.world.database_is_up:
                    with closing(SqliteRows.read(self.ledger)) as rows:
                        catch_up(rows, database)
                    for found in neighbours.look(database):
                        orchestrator.ledger_keeper.take(found)


class SitesWorld:
    """Boards at one site each, or at several where rooms overlap; pairs that lie on each other."""

    def __init__(
        self,
        folder: Path,
        socs_pct: dict[int, float],
        sites: int,
        books: "Callable[[str], BooksUrl]",
    ) -> None:
        self.folder, self.books = folder, books
        self.boards = {number: SteadyBoard(number, soc, 60.0) for number, soc in socs_pct.items()}
        self.keys = {board.board_id: board.key for board in self.boards.values()}
        self.at: dict[int, set[int]] = {number: {1} for number in self.boards}
        self.pairs: set[Pair] = set()
        self.database_is_up = True
        self._handles = 0
        self.sites = [SiteHost(self, number, 5 * number) for number in range(1, sites + 1)]

    def next_handle(self) -> int:
        self._handles += 1
        return self._handles

    async def present(self, _now_s: float) -> set[Pair]:
        return set(self.pairs)

    def lay(self, *pairs: Pair) -> None:
        self.pairs = set(pairs)
        for board in self.boards.values():
            board.peers = []
        for a, b in pairs:
            self.boards[a].peers, self.boards[b].peers = [self.boards[b]], [self.boards[a]]

    def walk(self, board_id: int, *numbers: int) -> None:
        """Let a board be at these sites from now on; the others lose it at once."""
        self.at[board_id] = set(numbers)
        for site in self.sites:
            if site.number not in numbers:
                site.drop_links(board_id)

    async def live(self) -> None:
        clock = LoopClock()
        next_beacon_s = 0.0
        while True:
            for board in self.boards.values():
                board.step(clock.now_s(), round(SAMPLE_s * 1000))
            if clock.now_s() >= next_beacon_s:
                next_beacon_s += BEACON_s
                for site in self.sites:
                    for board in self.boards.values():
                        if site.on_advert and site.number in self.at[board.board_id]:
                            site.on_advert(Advert(board.address, -50, board.beacon()))
            await asyncio.sleep(SAMPLE_s)
