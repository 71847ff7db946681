# SPDX-License-Identifier: MIT
"""A room without VMs: boards that are bumble devices, virtual proxies, and a host's own radio."""

import asyncio
import base64
from collections.abc import AsyncIterator

import pytest
from bumble import gatt, hci
from bumble.device import Device, DeviceConfiguration

from crowdcharge.bench.config import ProxyConfig
from crowdcharge.bench.proxies.proxy import VirtualProxy
from crowdcharge.bench.radio.air import Air
from crowdcharge.bench.radio.controller import Controller
from crowdcharge.bench.radio.hci_ports import serve_hci_tcp
from crowdcharge.bench.radio.host import attach
from crowdcharge.bench.radio.places import RadioPlaces
from crowdcharge.radio import open_radios
from crowdcharge.radio.base import Proxy
from wptcore import wire

from .other_room import OtherRoom

KEY = base64.b64encode(bytes(range(32))).decode()
CHALLENGE = b"who is there"
Properties, Permissions = gatt.Characteristic.Properties, gatt.Characteristic.Permissions


class EchoBoard:
    """A board's radio: it advertises, can be read, and answers a command with a notification."""

    def __init__(self, air: Air, number: int) -> None:
        self.address = f"B0:00:00:00:00:{number:02X}"
        self.controller = Controller(f"board {number}", air, self.address)
        config = DeviceConfiguration(name=f"board {number}")
        self.device = Device(config=config, host=attach(self.controller))

    async def start(self) -> None:
        self._reply = gatt.Characteristic(
            wire.REPLY_UUID, Properties.NOTIFY, Permissions.READABLE, b""
        )
        command = gatt.Characteristic(
            wire.COMMAND_UUID,
            Properties.WRITE,
            Permissions.WRITEABLE,
            gatt.CharacteristicValue(write=self._on_command),
        )
        challenge = gatt.Characteristic(
            wire.CHALLENGE_UUID, Properties.READ, Permissions.READABLE, CHALLENGE
        )
        service = gatt.Service(wire.SERVICE_UUID, [self._reply, command, challenge])
        self.device.add_service(service)
        await self.device.power_on()
        await self.advertise()
        self.device.on(Device.EVENT_CONNECTION, lambda _: asyncio.ensure_future(self.advertise()))

    async def advertise(self) -> None:
        payload = wire.COMPANY_ID.to_bytes(2, "little") + b"beacon"
        await self.device.start_advertising(
            own_address_type=hci.OwnAddressType.PUBLIC,
            auto_restart=True,
            advertising_interval_min=100,
            advertising_interval_max=100,
            advertising_data=bytes((len(payload) + 1, 0xFF)) + payload,
        )

    async def _on_command(self, _connection: object, data: bytes) -> None:
        await self.device.notify_subscribers(self._reply, bytes(reversed(data)))

    @property
    def links(self) -> int:
        return len(self.device.connections)


class Room:
    """Boards at (0, 0) unless told; proxies where their configuration says."""

    def __init__(self) -> None:
        self.air = Air(1)
        self.places = RadioPlaces()
        self.air.in_range = self.places.in_range
        noise = self.air.rng.gauss
        self.air.rssi_dBm = lambda tx, rx: round(self.places.signal_dBm(tx, rx) + noise(0, 1))
        self.proxies: list[VirtualProxy] = []
        self.boards: list[EchoBoard] = []
        self.told: list[str] = []
        self.radios: list = []

    async def board(self, x_m: float = 0.0) -> EchoBoard:
        board = EchoBoard(self.air, len(self.boards) + 1)
        self.places.put(board.address, (x_m, 0.0))
        self.boards.append(board)
        await board.start()
        return board

    async def proxy(self, x_m: float = 0.0, **config) -> VirtualProxy:
        number = len(self.proxies) + 1
        settings = {"name": f"proxy-{number}", "port": 0, "key": KEY, "range_m": 20.0, **config}
        proxy = VirtualProxy(ProxyConfig(place_m=[x_m, 0.0], **settings), number, self.air)
        self.places.put(proxy.address, proxy.config.place_m, proxy.config.range_m)
        self.proxies.append(proxy)
        await proxy.start()
        return proxy

    async def adapter(self) -> str:
        """Add a host's own radio at (0, 0); returns its transport."""
        port = await serve_hci_tcp(self.air, "host", f"C0:DE:FF:00:00:{len(self.radios) + 1:02X}")
        return f"tcp-client:127.0.0.1:{port}"

    def radio(self, *adapters: str, proxies=None, slots: int = 7):
        """Open the radio of a host on these adapters and all proxies, or those given."""
        if proxies is None:
            proxies = [self.reach(proxy) for proxy in self.proxies]
        made = open_radios(adapters, proxies, slots, self.told.append)
        self.radios.append(made)
        return made

    @staticmethod
    def reach(proxy: VirtualProxy) -> Proxy:
        return Proxy(proxy.host, proxy.port, proxy.config.key)

    async def close(self) -> None:
        for radio in self.radios:
            await radio.close()
        for proxy in self.proxies:
            proxy.stall(on=False)
            await proxy.turn(on=False)
        await asyncio.sleep(0.2)  # for what is still on its way to a board
        await self.air.close()


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    made = Room()
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture
async def other_room() -> AsyncIterator[OtherRoom]:
    made = OtherRoom()
    try:
        yield made
    finally:
        await made.close()
