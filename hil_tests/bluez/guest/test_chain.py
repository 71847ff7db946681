# SPDX-License-Identifier: MIT
"""The chain itself: bleak's default backend, D-Bus, bluetoothd, kernel, vhci, a bumble link."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends import BleakBackend
from bumble.core import AdvertisingData
from bumble.device import Device, DeviceConfiguration
from bumble.gatt import Characteristic, CharacteristicValue, Service
from hil_tests.bluez.guest import bluez

from crowdcharge.bench.radio.air import Air
from crowdcharge.bench.radio.controller import Controller
from crowdcharge.bench.radio.hci_ports import serve_hci_tcp
from crowdcharge.bench.radio.host import attach

SERVICE = "8f2f0001-6d1c-4a1e-9b6a-1d3f5a7c9e00"
ECHO = "8f2f0002-6d1c-4a1e-9b6a-1d3f5a7c9e00"
NAME = "chain-probe"


async def start_peripheral(air: Air) -> Device:
    """Start a device that notifies whatever is written to its one characteristic."""
    controller = Controller("peripheral", air, "F0:F1:F2:F3:F4:F5")
    device = Device(config=DeviceConfiguration(name=NAME), host=attach(controller))
    properties = (
        Characteristic.Properties.READ
        | Characteristic.Properties.WRITE
        | Characteristic.Properties.NOTIFY
    )
    value = bytearray(b"first")

    def read(_connection: object) -> bytes:
        return bytes(value)

    def write(_connection: object, data: bytes) -> None:
        value[:] = data
        asyncio.get_running_loop().create_task(device.notify_subscribers(echo, bytes(data)))

    echo = Characteristic(
        ECHO,
        properties,
        Characteristic.READABLE | Characteristic.WRITEABLE,
        CharacteristicValue(read=read, write=write),
    )
    device.add_service(Service(SERVICE, [echo]))
    await device.power_on()
    await device.start_advertising(
        advertising_data=bytes(
            AdvertisingData([(AdvertisingData.COMPLETE_LOCAL_NAME, NAME.encode())])
        ),
        auto_restart=True,
    )
    return device


@pytest.fixture
async def peripheral() -> AsyncIterator[Device]:
    air = Air()
    device = await start_peripheral(air)
    port = await serve_hci_tcp(air, "host", "C0:DE:FF:00:00:01")
    async with bluez.adapter(f"tcp-client:127.0.0.1:{port}"):
        yield device
    await air.close()


async def test_scan_connect_write_notify(peripheral: Device) -> None:
    found = await BleakScanner.find_device_by_name(NAME, timeout=30)
    assert found is not None
    async with BleakClient(found, timeout=30) as client:
        assert client.backend_id is BleakBackend.BLUEZ_DBUS
        notified: asyncio.Queue[bytes] = asyncio.Queue()
        await client.start_notify(ECHO, lambda _char, data: notified.put_nowait(bytes(data)))
        for number in range(20):
            await client.write_gatt_char(ECHO, bytes([number]), response=True)
            assert await asyncio.wait_for(notified.get(), 30) == bytes([number])
        assert await client.read_gatt_char(ECHO) == bytes([19])
