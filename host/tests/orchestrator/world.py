# SPDX-License-Identifier: MIT
"""A world without hardware for the orchestrator: real cores on CPython, a radio in memory.

Time is the event loop's and jumps from timer to timer. Radio stacks, packet loss and the port
files are not modelled here: the virtual bench has those.
"""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from crowdcharge import policy as policies
from crowdcharge.bench.sessions.core_radio import CoreAir, CoreRadio
from crowdcharge.bench.sessions.jumping_time import JumpingLoop, LoopClock
from crowdcharge.bench.sessions.steady_board import SteadyBoard
from crowdcharge.boards.models import Beacon
from crowdcharge.errors import LedgerError
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import verify
from crowdcharge.orchestrator.contacts import Contacts
from crowdcharge.orchestrator.events import Event
from crowdcharge.orchestrator.orchestrator import Orchestrator
from crowdcharge.orchestrator.transfer import TransferTerms
from wptcore import wire

SAMPLE_s = 0.1
BEACON_s = 0.5
SUPERVISION_s = 0.5
Found = TypeVar("Found")


class World(CoreAir):
    """The boards, their air, and a host that can be killed at any of its edges."""

    def __init__(self, folder: Path, socs_pct: dict[int, float], capacity_J: float = 20.0) -> None:
        self.ledger = folder / "ledger.sqlite"
        super().__init__(
            {each: SteadyBoard(each, soc, capacity_J) for each, soc in socs_pct.items()}
        )
        self.keys = {board.board_id: board.key for board in self.boards.values()}
        self.events: list[Event] = []
        self.dead = False
        self.edges = 0
        self.kill_at: int | None = None
        self.mute: Callable[[bytes], bool] = lambda _frame: False
        self._host: asyncio.Task[Any] | None = None
        self.locked = False  # the ledger, by someone else

    # -- the radio --

    def hears(self, uuid: str, data: bytes) -> bool:
        return not self.dead and not (uuid == wire.REPLY_UUID and self.mute(data))

    def edge(self) -> None:
        """Touch the outside; a killed host touches nothing any more."""
        self.edges += 1
        if self.edges == self.kill_at:
            self.dead = True
            assert self._host is not None
            self._host.cancel()
        if self.dead:
            raise asyncio.CancelledError

    # -- the world's time --

    def lay(self, *pairs: tuple[int, int]) -> None:
        for board in self.boards.values():
            board.peers = []
        for a, b in pairs:
            self.boards[a].peers.append(self.boards[b])
            self.boards[b].peers.append(self.boards[a])

    def kill(self, board_id: int) -> None:
        """Take a board's power for good."""
        self.boards[board_id].die()
        self.part(self.boards[board_id])

    def living(self) -> list[SteadyBoard]:
        return [board for board in self.boards.values() if not board.is_dead]

    async def live(self) -> None:
        """Boards run for ever, whatever the host does."""
        clock = LoopClock()
        next_beacon_s = 0.0
        while True:
            for board in self.living():
                board.step(clock.now_s(), round(SAMPLE_s * 1000))
            if clock.now_s() >= next_beacon_s:
                next_beacon_s += BEACON_s
                for board in self.living():
                    self.advertise(board)
            await asyncio.sleep(SAMPLE_s)

    # -- the host --

    def orchestrator(
        self, store: Store, contacts: Contacts | None, **options: Any
    ) -> Orchestrator:
        options.setdefault("policy", policies.make("oblivious-share"))
        options.setdefault("terms", TransferTerms(lease_ms=1500))
        return Orchestrator(
            radio=CoreRadio(self),
            store=store,
            keys=self.keys,
            contacts=contacts,
            clock=LoopClock(),
            rng=np.random.default_rng(1),
            emit=self.events.append,
            **options,
        )

    async def host(
        self, contacts: Contacts | None, until_s: float, ledger: str = "", **options: Any
    ) -> None:
        """One life of a host that orchestrates."""
        await self.life(
            lambda store: self.orchestrator(store, contacts, **options).run(until_s), ledger
        )

    async def life(
        self, work: Callable[[Store], Coroutine[Any, Any, Found]], ledger: str = ""
    ) -> Found | None:
        """One life of a host; early, and None, if it is killed. `ledger`: a name of its own."""
        found = None
        self.dead = False
        with MortalStore.open(self, self.ledger.with_name(ledger or self.ledger.name)) as store:
            self._host = asyncio.create_task(work(store))
            try:
                found = await self._host
            except asyncio.CancelledError:
                assert self.dead
        if self.dead:
            self.listeners.clear()
            asyncio.get_running_loop().call_later(SUPERVISION_s, self._drop_links)
        return found

    def _drop_links(self) -> None:
        for board in self.boards.values():
            for link in list(board.links.values()):
                link.drop()

    # -- what must hold --

    def store(self, ledger: str = "") -> Store:
        store = Store.read(self.ledger.with_name(ledger or self.ledger.name))
        store.load()
        return store

    def check_books(self, *ledgers: str) -> None:
        """Each ledger verifies; for each board they add up to what the board has metered."""
        transfers = []
        for ledger in ledgers or ("",):
            with self.store(ledger) as store:
                assert [each for each in verify(store.rows(), self.keys) if each.wrong] == []
                assert store.damage() is None
                transfers += store.book.transfers.values()
        for board in self.boards.values():
            beacon = Beacon.unpack(board.beacon())
            sent = sum(each.sent_mJ for each in transfers if each.ptx == board.board_id)
            received = sum(each.received_mJ for each in transfers if each.prx == board.board_id)
            assert (sent, received) == (beacon.sent_mJ, beacon.received_mJ)

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


class MortalStore(Store):
    """Writing to disk is an edge as well: a host can be killed before or after it."""

    world: World

    @classmethod
    def open(cls, world: World, path: Path) -> "MortalStore":
        store = cls.create(path)
        assert isinstance(store, MortalStore)
        store.world = world
        return store

    def append(self, drafts: Any) -> None:
        rows = list(drafts)
        self.world.edge()
        if self.world.locked:
            raise LedgerError("database is locked")
        super().append(rows)
        self.world.edge()


def run_world(world: World, story: Coroutine[Any, Any, None]) -> None:
    """Run `story` in jumping time while the boards live."""

    async def both() -> None:
        living = asyncio.create_task(world.live())
        try:
            await story
        finally:
            living.cancel()
            await asyncio.gather(living, return_exceptions=True)

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(both())
