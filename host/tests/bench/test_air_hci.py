# SPDX-License-Identifier: MIT
"""Radios as raw HCI controllers: a host stack of its own on the pty, and its restart."""

import asyncio
import os
import subprocess
import sys

import pytest
from bleak import BleakClient, BleakScanner
from bumble import hci

from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.bench.radio.hci_ports import hci_pty, serve_hci_tcp

pytestmark = pytest.mark.bench
ADDRESS = "D0:00:00:00:00:01"
VALUE = "6e400002-b5a3-f393-e0a9-e50e24dcca9e"

# A board whose host stack is its own, as a MicroPython build with NimBLE on a UART is.
HOST_STACK = f"""
import asyncio, sys
from bumble import gatt, hci
from bumble.device import Device, DeviceConfiguration
from bumble.transport import open_transport

async def main():
    async with await open_transport("serial:" + sys.argv[1]) as transport:
        device = Device.with_hci("own stack", hci.Address("F0:00:00:00:00:01"), *transport)
        value = gatt.Characteristic(
            "{VALUE}", gatt.Characteristic.Properties.READ | gatt.Characteristic.Properties.WRITE,
            gatt.Characteristic.READABLE | gatt.Characteristic.WRITEABLE, b"own stack")
        device.add_service(gatt.Service("6e400001-b5a3-f393-e0a9-e50e24dcca9e", [value]))
        await device.power_on()
        await device.start_advertising(
            own_address_type=hci.OwnAddressType.PUBLIC, auto_restart=True,
            advertising_interval_min=50, advertising_interval_max=50,
            advertising_data=bytes.fromhex("020106"), scan_response_data=b"\\x06\\x09stack")
        await asyncio.get_running_loop().create_future()

asyncio.run(main())
"""


@pytest.fixture
def own_stack():
    """Start host stacks on a pty as processes of their own."""
    running = []

    def start(path):
        running.append(subprocess.Popen([sys.executable, "-c", HOST_STACK, path]))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait()


async def test_own_host_stack_on_the_pty(desk, own_stack):
    path = hci_pty(desk.air, "own stack", ADDRESS)
    process = own_stack(path)
    device = await BleakScanner.find_device_by_name("stack", timeout=20, backend=desk.scanner)
    assert device.address == ADDRESS
    gone = asyncio.Event()
    client = BleakClient(device, lambda _client: gone.set(), backend=desk.client, timeout=10)
    await client.connect()
    assert await client.read_gatt_char(VALUE) == b"own stack"
    await client.write_gatt_char(VALUE, bytes(range(200)), response=True)
    assert await client.read_gatt_char(VALUE) == bytes(range(200))

    process.kill()
    process.wait()
    async with asyncio.timeout(5):
        await gone.wait()  # by the supervision timeout: death says no goodbye
    silent = await BleakScanner.find_device_by_address(ADDRESS, timeout=0.5, backend=desk.scanner)
    assert silent is None
    own_stack(path)
    again = BleakClient(ADDRESS, backend=desk.client, timeout=20)
    async with again:
        assert await again.read_gatt_char(VALUE) == b"own stack"


async def test_garbage_on_the_pty_is_skipped(desk):
    path = hci_pty(desk.air, "noisy", ADDRESS)
    end = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(end, b"\xff\x00garbage")
        reset = bytes(hci.HCI_Reset_Command())
        os.write(end, reset)
        loop, answer = asyncio.get_running_loop(), asyncio.Queue()
        loop.add_reader(end, lambda: answer.put_nowait(os.read(end, 100)))
        async with asyncio.timeout(10):
            assert await answer.get() == bytes.fromhex("040e0401030c00")
        loop.remove_reader(end)
    finally:
        os.close(end)


async def test_newest_host_has_the_radio(desk):
    port = await serve_hci_tcp(desk.air, "shared", "C0:00:00:00:00:FE")
    first, second = (backends(f"tcp-client:127.0.0.1:{port}")[0] for _ in range(2))
    scanner = BleakScanner(backend=first)
    await scanner.start()
    async with BleakScanner(backend=second):
        await scanner.stop()  # its radio is gone; nothing hangs
        await desk.board()
        async with asyncio.timeout(10), BleakScanner(backend=second) as other:
            async for _device, _advert in other.advertisement_data():
                break
