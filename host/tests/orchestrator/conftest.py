# SPDX-License-Identifier: MIT
"""A world without hardware for the orchestrator: real cores on CPython, a radio in memory.

The boards are the real `wptcore.board.Board` with their real journal; time is the event loop's
and jumps from timer to timer. Not modelled here: radio stacks, packet loss, the port files, coil
physics beyond "what is sent arrives with a loss". The virtual bench has those.
"""

import asyncio
import selectors
import tempfile
from binascii import crc32
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crowdcharge import policy as policies
from crowdcharge.boards.models import Beacon
from crowdcharge.errors import LedgerError, RadioError
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import verify
from crowdcharge.orchestrator.contacts import Contacts
from crowdcharge.orchestrator.events import Event
from crowdcharge.orchestrator.orchestrator import Orchestrator
from crowdcharge.orchestrator.transfer import TransferTerms
from crowdcharge.radio.base import Advert, OnAdvert, OnClosed, OnData
from wptcore import wire
from wptcore.board import Board
from wptcore.fod import LossCurve
from wptcore.journal import Journal
from wptcore.limits import Limits

SAMPLE_s = 0.1
BEACON_s = 0.5
SUPERVISION_s = 0.5
CELL_mV = 4000
SENT_mA, RECEIVED_mA = 600, 400  # at 4 V: 2.4 W and 1.6 W
CURVE = LossCurve(250, 1350, 50, 400)


class JumpingLoop(asyncio.SelectorEventLoop):
    """Nothing is waited for: time jumps to the next timer."""

    def __init__(self) -> None:
        super().__init__(_JumpingSelector(self))
        self.now_s = 1000.0

    def time(self) -> float:
        return self.now_s


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("everything waits for nothing")
        self._loop.now_s += max(timeout, 0.0)
        return super().select(0)


class LoopClock:
    """The boards' clock in the world: that of the loop."""

    def __init__(self) -> None:
        self._start_s = asyncio.get_running_loop().time()

    def now_s(self) -> float:
        return asyncio.get_running_loop().time() - self._start_s

    async def sleep(self, duration_s: float) -> None:
        await asyncio.sleep(max(duration_s, 0.0))

    def timeout(self, duration_s: float) -> asyncio.Timeout:
        return asyncio.timeout(duration_s)


class WorldBoard:
    """A board with its cell and its flash; `power_cut` is what a battery pulled out does."""

    def __init__(self, board_id: int, soc_pct: float, capacity_J: float) -> None:
        self.board_id = board_id
        self.key = sha256(str(board_id).encode()).digest()
        self.capacity_mJ = int(capacity_J * 1000)
        self.energy_mJ = soc_pct / 100 * self.capacity_mJ
        self.peer: WorldBoard | None = None
        self.soc_known = True
        self.flash = [b"", b""]
        self.links: dict[int, WorldLink] = {}
        self.coil_history: list[tuple[float, bool]] = []
        self._until_refresh_ms = 0
        self._noise_mA = 0
        self.boot()

    @property
    def address(self) -> str:
        return f"00:00:00:00:00:{self.board_id:02X}"

    def boot(self) -> None:
        self._journal = Journal(self.flash, crc32)
        limits = Limits(3000, 5500, 3000, 12000, 600, -100, 450, self.capacity_mJ)
        roles = wire.PTX | wire.PRX
        self.core = Board(
            self.board_id, self.key, limits, roles, self._journal.saved, sha256, CURVE
        )
        self.core.on_soc(self.soc_permille)
        for _ in range(12):  # the self-test after boot
            self.core.on_sample(CELL_mV, 0, 250, 250, 20)
        self.save()
        self.refresh()

    def power_cut(self) -> None:
        for link in list(self.links.values()):
            link.drop()
        self.boot()

    @property
    def soc_permille(self) -> int:
        if not self.soc_known:
            return wire.SOC_UNKNOWN_permille
        return min(max(round(1000 * self.energy_mJ / self.capacity_mJ), 0), 1000)

    def save(self) -> None:
        saved = self.core.pop_save()
        if saved is not None:
            slot, record = self._journal.next_record(saved)
            self.flash[slot] = record

    def beacon(self) -> bytes:
        buffer = bytearray(wire.BEACON_SIZE)
        self.core.pack_beacon_into(buffer, 0)
        return bytes(buffer)

    def refresh(self) -> None:
        """What can be read lags: the port writes it four times a second."""
        core = self.core
        self.readable = (self.beacon(), core.receipts, core.limits, core.faults)
        for link in list(self.links.values()):
            link.tell_faults(core.faults)

    def step(self, now_s: float, dt_ms: int) -> None:
        core, peer = self.core, self.peer
        current_mA = 0
        if core.coil_on:
            drawn = peer is not None and peer.core.receiver_on
            current_mA = SENT_mA if drawn else 20
        elif core.receiver_on and peer is not None and peer.core.coil_on:
            current_mA = -RECEIVED_mA
        self.energy_mJ -= CELL_mV * current_mA / 1e6 * dt_ms
        core.on_field(peer is not None and peer.core.coil_on)
        self._noise_mA = 1 - self._noise_mA  # a real meter is never still
        core.on_sample(CELL_mV, current_mA + self._noise_mA, 300, 250, dt_ms)
        core.on_soc(self.soc_permille)
        core.on_elapsed(dt_ms)
        if not self.coil_history or self.coil_history[-1][1] != core.coil_on:
            self.coil_history.append((now_s, core.coil_on))
        self.pump()
        self.save()
        self._until_refresh_ms -= dt_ms
        if self._until_refresh_ms <= 0:
            self._until_refresh_ms = 250
            self.refresh()

    def pump(self) -> None:
        while (reply := self.core.pop_reply()) is not None:
            handle, frame = reply
            if handle in self.links:
                self.links[handle].notify(frame)
        if (handle := self.core.unwelcome_link) in self.links:
            self.links[handle].drop()


class WorldLink:
    """One connection; every operation takes a moment, so that others get their turn."""

    mtu = 247

    def __init__(self, world: "World", board: WorldBoard, on_closed: OnClosed) -> None:
        self._world = world
        self.board = board
        self.address = board.address
        self._on_closed = on_closed
        self._on_data: dict[str, OnData] = {}
        self._told = b""
        self.open = True
        self.handle = world.next_handle()
        self._nonce = sha256(str(self.handle).encode()).digest()[:16]
        board.links[self.handle] = self
        board.core.on_link(self.handle, self._nonce)

    async def read(self, uuid: str) -> bytes:
        await self._moment()
        core = self.board.core
        values: dict[str, Callable[[], bytes]] = {
            wire.CHALLENGE_UUID: lambda: core.challenge(self._nonce),
            wire.STATUS_UUID: lambda: self.board.readable[0],
            wire.RECEIPTS_UUID: lambda: self.board.readable[1],
            wire.LIMITS_UUID: lambda: self.board.readable[2],
            wire.FAULTS_UUID: lambda: self.board.readable[3],
        }
        value = values[uuid]()
        await self._moment()
        return value

    async def write(self, uuid: str, data: bytes) -> None:
        assert uuid == wire.COMMAND_UUID
        await self._moment()
        self.board.core.on_command(self.handle, data)
        self.board.save()
        asyncio.get_running_loop().call_soon(self.board.pump)
        await self._moment()

    async def subscribe(self, uuid: str, on_data: OnData) -> None:
        await self._moment()
        self._on_data[uuid] = on_data

    async def close(self) -> None:
        await self._moment()
        self.drop()

    def notify(self, frame: bytes) -> None:
        if not self._world.dead and not self._world.mute(frame):
            self._on_data[wire.REPLY_UUID](frame)

    def tell_faults(self, codes: bytes) -> None:
        if codes != self._told and wire.FAULTS_UUID in self._on_data and not self._world.dead:
            self._told = codes
            with suppress(asyncio.CancelledError):  # the host may be killed in its callback
                self._on_data[wire.FAULTS_UUID](codes)

    def drop(self) -> None:
        if self.open:
            self.open = False
            self.board.links.pop(self.handle, None)
            self.board.core.on_link(self.handle, b"")
            self._on_closed()

    async def _moment(self) -> None:
        self._world.edge()
        await asyncio.sleep(0.002)
        self._world.edge()
        if not self.open:
            raise RadioError(f"{self.address} is not connected")


class WorldRadio:
    """The radio of one host."""

    def __init__(self, world: "World") -> None:
        self._world = world

    async def start_scan(self, on_advert: OnAdvert) -> None:
        self._world.edge()
        self._world.listeners[self] = on_advert

    async def stop_scan(self) -> None:
        self._world.listeners.pop(self, None)

    async def connect(self, address: str, on_closed: OnClosed) -> WorldLink:
        world = self._world
        world.edge()
        await asyncio.sleep(0.02)
        world.edge()
        for board in world.boards.values():
            if board.address == address and address not in world.out_of_reach:
                return WorldLink(world, board, on_closed)
        raise RadioError(f"nobody answers at {address}")

    async def close(self) -> None:
        pass


class World:
    """The boards, their air, and a host that can be killed at any of its edges."""

    def __init__(self, folder: Path, socs_pct: dict[int, float], capacity_J: float = 20.0) -> None:
        self.ledger = folder / "ledger.sqlite"
        self.boards = {
            board_id: WorldBoard(board_id, soc, capacity_J) for board_id, soc in socs_pct.items()
        }
        self.keys = {board.board_id: board.key for board in self.boards.values()}
        self.events: list[Event] = []
        self.dead = False
        self.edges = 0
        self.kill_at: int | None = None
        self.mute: Callable[[bytes], bool] = lambda _frame: False
        self._handles = 0
        self._host: asyncio.Task[None] | None = None
        self.listeners: dict[WorldRadio, OnAdvert] = {}
        self.out_of_reach: set[str] = set()
        self.locked = False  # the ledger, by someone else

    # -- the radio --

    def next_handle(self) -> int:
        self._handles += 1
        return self._handles

    def edge(self) -> None:
        """The host touches the outside. A killed host touches nothing any more."""
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
            board.peer = None
        for a, b in pairs:
            self.boards[a].peer, self.boards[b].peer = self.boards[b], self.boards[a]

    async def live(self) -> None:
        """Boards run for ever, whatever the host does."""
        clock = LoopClock()
        next_beacon_s = 0.0
        while True:
            for board in self.boards.values():
                board.step(clock.now_s(), round(SAMPLE_s * 1000))
            if clock.now_s() >= next_beacon_s:
                next_beacon_s += BEACON_s
                for board in self.boards.values():
                    for on_advert in list(self.listeners.values()):
                        on_advert(Advert(board.address, -50, board.beacon()))
            await asyncio.sleep(SAMPLE_s)

    # -- the host --

    def orchestrator(
        self, store: Store, contacts: Contacts | None, **options: Any
    ) -> Orchestrator:
        options.setdefault("policy", policies.make("oblivious-share"))
        options.setdefault("terms", TransferTerms(lease_ms=1500))
        return Orchestrator(
            radio=WorldRadio(self),
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
        """One life of a host; returns early if it is killed. `ledger`: a name of its own."""
        self.dead = False
        with MortalStore.open(self, self.ledger.with_name(ledger or self.ledger.name)) as store:
            orchestrator = self.orchestrator(store, contacts, **options)
            self._host = asyncio.create_task(orchestrator.run(until_s))
            try:
                await self._host
            except asyncio.CancelledError:
                assert self.dead
        if self.dead:
            self.listeners.clear()
            asyncio.get_running_loop().call_later(SUPERVISION_s, self._drop_links)

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
    """Runs `story` in jumping time while the boards live."""

    async def both() -> None:
        living = asyncio.create_task(world.live())
        try:
            await story
        finally:
            living.cancel()
            await asyncio.gather(living, return_exceptions=True)

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(both())


@pytest.fixture
def make_world() -> Iterator[Callable[..., World]]:
    """In memory where there is such a place: the disk is not under test, and fsync is slow."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        count = 0

        def make(socs_pct: dict[int, float], **options: Any) -> World:
            nonlocal count
            count += 1
            place = Path(folder) / str(count)
            place.mkdir()
            return World(place, socs_pct, **options)

        yield make


@pytest.fixture
def run() -> Callable[[World, Coroutine[Any, Any, None]], None]:
    return run_world
