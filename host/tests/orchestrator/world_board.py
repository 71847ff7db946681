# SPDX-License-Identifier: MIT
"""A board of the world without hardware, and a connection to it.

It is the real `wptcore.board.Board` with its real journal; around it are a cell and a flash. Not
modelled: port files, and coil physics beyond "what is sent arrives with a loss".
"""

import asyncio
from binascii import crc32
from collections.abc import Callable
from hashlib import sha256
from typing import Protocol

from crowdcharge.errors import RadioError
from crowdcharge.radio.base import OnClosed, OnData
from wptcore import wire
from wptcore.board import Board
from wptcore.fod import LossCurve
from wptcore.journal import Journal
from wptcore.limits import Limits

CELL_mV = 4000
SENT_mA, RECEIVED_mA = 600, 400  # at 4 V: 2.4 W and 1.6 W
CURVE = LossCurve(250, 1350, 50, 400)


class WorldBoard:
    """A board with its cell and its flash; `power_cut` is what a battery pulled out does."""

    def __init__(self, board_id: int, soc_pct: float, capacity_J: float) -> None:
        self.board_id = board_id
        self.key = sha256(str(board_id).encode()).digest()
        self.capacity_mJ = int(capacity_J * 1000)
        self.energy_mJ = soc_pct / 100 * self.capacity_mJ
        self.peers: list[WorldBoard] = []
        self.object_mA = 0  # what lies under it takes this while there is a field
        self.is_dead = False
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
        self.core.attend()
        self.core.on_soc(self.soc_permille)
        for _ in range(12):  # the self-test after boot
            self.core.on_sample(CELL_mV, 0, 250, 250, 20)
        self.save()
        self.refresh()

    def power_cut(self) -> None:
        for link in list(self.links.values()):
            link.drop()
        self.boot()

    def die(self) -> None:
        """Lose power for good: it draws nothing and answers nobody."""
        self.is_dead = True
        for link in list(self.links.values()):
            link.drop()

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
        """Refresh what can be read, which lags: the port writes it four times a second."""
        core = self.core
        self.readable = (self.beacon(), core.receipts)
        for link in list(self.links.values()):
            link.tell_status(self.readable[0])

    def step(self, now_s: float, dt_ms: int) -> None:
        core = self.core
        has_field = any(peer.core.pulses_on for peer in self.peers)
        current_mA = 0
        if core.pulses_on:
            drawn = sum(peer.core.receiver_on and not peer.is_dead for peer in self.peers)
            current_mA = SENT_mA * drawn + self.object_mA if drawn else 20
        elif core.receiver_on and has_field:
            current_mA = -RECEIVED_mA
        self.energy_mJ -= CELL_mV * current_mA / 1e6 * dt_ms
        core.on_field(has_field)
        self._noise_mA = 1 - self._noise_mA  # a real meter is never still
        coil_dC = 300 if -100 < current_mA < 100 else 320  # it feels the power
        core.on_sample(CELL_mV, current_mA + self._noise_mA, coil_dC, 250, dt_ms)
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


class Air(Protocol):
    """What a connection needs of the world around it."""

    dead: bool
    mute: Callable[[bytes], bool]

    def next_handle(self) -> int: ...

    def edge(self) -> None: ...


class WorldLink:
    """One connection; every operation takes a moment, so that others get their turn."""

    mtu = 247

    def __init__(self, world: Air, board: WorldBoard, on_closed: OnClosed) -> None:
        self._world = world
        self.board = board
        self.address = board.address
        self._on_closed = on_closed
        self._on_data: dict[str, OnData] = {}
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

    def tell_status(self, beacon: bytes) -> None:
        if wire.STATUS_UUID in self._on_data and not self._world.dead:
            self._on_data[wire.STATUS_UUID](beacon)

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
