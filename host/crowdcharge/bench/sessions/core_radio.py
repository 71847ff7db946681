# SPDX-License-Identifier: MIT
"""A radio in memory between a host and cores. Radio stacks and packet loss are not modelled."""

import asyncio
from collections.abc import Callable, Mapping
from hashlib import sha256

from crowdcharge.bench.sessions.core_board import CoreBoard
from crowdcharge.errors import RadioError
from crowdcharge.radio.base import Advert, OnAdvert, OnClosed, OnData
from wptcore import wire

_CONNECT_s = 0.02
_MOMENT_s = 0.002
_RSSI_dBm = -50


class CoreAir:
    """Who hears whom: `out_of_reach` holds the addresses that no connection reaches."""

    def __init__(self, boards: Mapping[int, CoreBoard]) -> None:
        self.boards = boards
        self.listeners: dict[CoreRadio, OnAdvert] = {}
        self.out_of_reach: set[str] = set()
        self._handles = 0

    def edge(self) -> None:
        """Touch the outside: called before and after each thing that a radio does."""

    def hears(self, _uuid: str, _data: bytes) -> bool:
        """Whether the host hears this notification."""
        return True

    def next_handle(self) -> int:
        self._handles += 1
        return self._handles

    def part(self, board: CoreBoard) -> None:
        """Let host and board not reach each other any more."""
        self.out_of_reach.add(board.address)
        for link in list(board.links.values()):
            link.drop()

    def advertise(self, board: CoreBoard) -> None:
        for on_advert in list(self.listeners.values()):
            on_advert(Advert(board.address, _RSSI_dBm, board.beacon()))


class CoreRadio:
    """The radio of one host."""

    def __init__(self, air: CoreAir) -> None:
        self._air = air

    async def start_scan(self, on_advert: OnAdvert) -> None:
        self._air.edge()
        self._air.listeners[self] = on_advert

    async def stop_scan(self) -> None:
        self._air.listeners.pop(self, None)

    async def connect(self, address: str, on_closed: OnClosed) -> "CoreLink":
        air = self._air
        air.edge()
        await asyncio.sleep(_CONNECT_s)
        air.edge()
        for board in air.boards.values():
            if board.address == address and address not in air.out_of_reach:
                return CoreLink(air, board, on_closed)
        raise RadioError(f"nobody answers at {address}")

    async def close(self) -> None:
        pass


class CoreLink:
    """One connection; every operation takes a moment, so that others get their turn."""

    mtu = 247

    def __init__(self, air: CoreAir, board: CoreBoard, on_closed: OnClosed) -> None:
        self._air = air
        self.board = board
        self.address = board.address
        self._on_closed = on_closed
        self._on_data: dict[str, OnData] = {}
        self.open = True
        self.handle = air.next_handle()
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

    def tell(self, uuid: str, data: bytes) -> None:
        """Notify the host, if it has subscribed."""
        if uuid in self._on_data and self._air.hears(uuid, data):
            self._on_data[uuid](data)

    def drop(self) -> None:
        if self.open:
            self.open = False
            self.board.links.pop(self.handle, None)
            self.board.core.on_link(self.handle, b"")
            self._on_closed()

    async def _moment(self) -> None:
        self._air.edge()
        await asyncio.sleep(_MOMENT_s)
        self._air.edge()
        if not self.open:
            raise RadioError(f"{self.address} is not connected")
