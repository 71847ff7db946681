# SPDX-License-Identifier: MIT
"""BleakRadio on BlueZ: remembered services, connections that a killed host left, InProgress."""

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest
from bumble.core import AdvertisingData
from bumble.device import Device, DeviceConfiguration
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.hci import OwnAddressType
from hil_tests.bluez.guest import bluez

from crowdcharge.bench.radio.air import Air
from crowdcharge.bench.radio.controller import Controller
from crowdcharge.bench.radio.hci_ports import serve_hci_tcp
from crowdcharge.bench.radio.host import attach
from crowdcharge.errors import RadioError
from crowdcharge.radio.base import Advert, Link
from crowdcharge.radio.bleak_radio import BleakRadio
from wptcore import wire

ADDRESSES = ("F0:00:00:00:00:01", "F0:00:00:00:00:02")
TRIES = 4
SCAN_s = 10.24  # the kernel's scan, in which this controller reports a board once
BEACON = wire.COMPANY_ID.to_bytes(2, "little") + b"\x01"
LEAVE_CONNECTED = """
import asyncio, os, sys
from crowdcharge.radio.bleak_radio import BleakRadio

async def main():
    radio, heard = BleakRadio(), asyncio.Event()
    await radio.start_scan(lambda advert: advert.address == sys.argv[1] and heard.set())
    await heard.wait()
    await radio.connect(sys.argv[1], lambda: None)
    os.kill(os.getpid(), 9)

asyncio.run(main())
"""


class EchoBoard:
    """The crowd-charge service as far as the radio sees it: REPLY returns what COMMAND got."""

    def __init__(self, air: Air, address: str) -> None:
        self._air, self.address = air, address
        self._controller = Controller("echo", air, address)

    async def start(self, *services_before: str) -> None:
        """Start the board; `services_before` move all handles, as another firmware does."""
        self._device = Device(
            config=DeviceConfiguration(name="echo", gatt_service_enabled=False),
            host=attach(self._controller),
        )
        for uuid in services_before:
            dummy = Characteristic(uuid, Characteristic.Properties.READ, 1, b"old")
            self._device.add_service(Service(uuid, [dummy]))
        properties = Characteristic.Properties
        self._reply = Characteristic(wire.REPLY_UUID, properties.NOTIFY, 1, b"")
        command = Characteristic(
            wire.COMMAND_UUID,
            properties.WRITE,
            Characteristic.WRITEABLE,
            CharacteristicValue(write=self._on_command),
        )
        self._device.add_service(Service(wire.SERVICE_UUID, [command, self._reply]))
        await self._device.power_on()
        data = AdvertisingData([(AdvertisingData.MANUFACTURER_SPECIFIC_DATA, BEACON)])
        await self._device.start_advertising(
            own_address_type=OwnAddressType.PUBLIC,
            advertising_data=bytes(data),
            auto_restart=True,
        )

    def _on_command(self, _connection: object, value: bytes) -> None:
        self._task = asyncio.get_running_loop().create_task(
            self._device.notify_subscribers(self._reply, bytes(value))
        )

    async def update(self) -> None:
        """Reboots the board with another firmware."""
        self._controller.power_off()
        await self._device.power_off()
        await self.start("180a", "180f", "1822")


class Listener:
    """A started radio that knows which boards it has heard since the last question."""

    def __init__(self) -> None:
        self.radio = BleakRadio()
        self._heard: asyncio.Queue[Advert] = asyncio.Queue()

    async def __aenter__(self) -> "Listener":
        await self.radio.start_scan(self._heard.put_nowait)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.radio.close()

    async def hear(self, *addresses: str) -> None:
        missing = set(addresses)
        async with asyncio.timeout(60):
            while missing:
                missing.discard((await self._heard.get()).address)


async def echo(link: Link, data: bytes) -> bytes:
    replies: asyncio.Queue[bytes] = asyncio.Queue()
    await link.subscribe(wire.REPLY_UUID, replies.put_nowait)
    await link.write(wire.COMMAND_UUID, data)
    async with asyncio.timeout(5):
        return await replies.get()


@pytest.fixture
async def boards() -> AsyncIterator[list[EchoBoard]]:
    air = Air()
    port = await serve_hci_tcp(air, "host", "C0:DE:FF:00:00:01")
    made = [EchoBoard(air, address) for address in ADDRESSES]
    for board in made:
        await board.start()
    async with bluez.adapter(f"tcp-client:127.0.0.1:{port}"):
        yield made
    await air.close()


async def test_a_board_with_new_firmware_is_read_anew(boards: list[EchoBoard]) -> None:
    (board, _) = boards
    async with Listener() as host:
        await host.hear(board.address)
        link = await host.radio.connect(board.address, lambda: None)
        assert await echo(link, b"before") == b"before"
        await link.close()
        await board.update()
        for _try in range(TRIES):
            await host.hear(board.address)
            try:
                link = await host.radio.connect(board.address, lambda: None)
                if await echo(link, b"after") == b"after":
                    break
            except (RadioError, TimeoutError):
                await link.close()
        else:
            pytest.fail("BlueZ goes on with the old services")
        await link.close()


async def test_a_killed_hosts_connection_is_dropped(boards: list[EchoBoard]) -> None:
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LEAVE_CONNECTED, boards[0].address
    )
    assert await killed.wait() == -9
    assert boards[0].address in await bluez.said("bluetoothctl", "devices", "Connected")
    async with Listener() as host:
        await host.hear(boards[0].address)
        link = await host.radio.connect(boards[0].address, lambda: None)
        assert await echo(link, b"again") == b"again"
        await link.close()


async def test_two_connects_at_once_beside_another_program(boards: list[EchoBoard]) -> None:
    async with Listener() as host:
        await host.hear(*ADDRESSES)
        other = asyncio.create_task(bluez.said("bluetoothctl", "--timeout", "5", "scan", "on"))
        links = await asyncio.gather(
            *(host.radio.connect(address, lambda: None) for address in ADDRESSES)
        )
        assert [await echo(link, b"both") for link in links] == [b"both", b"both"]
        await other
        for link in links:
            await link.close()


async def test_a_connect_does_not_wait_for_the_next_scan(boards: list[EchoBoard]) -> None:
    loop = asyncio.get_running_loop()
    async with Listener() as host:
        await host.hear(*ADDRESSES)
        start_s = loop.time()
        link = await host.radio.connect(ADDRESSES[0], lambda: None)
        assert loop.time() - start_s < SCAN_s / 2
        await link.close()
