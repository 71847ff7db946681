# SPDX-License-Identifier: MIT
"""A desk for the tests of the air: boards on real VMs and radios for bleak, in this process."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice

import crowdcharge.bench
from crowdcharge.bench.board import micropython
from crowdcharge.bench.board.radio import ShimRadio
from crowdcharge.bench.radio.air import Air
from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.bench.radio.hci_ports import serve_hci_tcp
from crowdcharge.flash import firmware_tree

SHIMS = Path(crowdcharge.bench.__file__).parent / "shims"
FIRMWARE = Path(__file__).parent / "firmware"
PRODUCT = (firmware_tree.root(), firmware_tree.root() / "ports" / "micropython")
STATUS, COMMAND, REPLY = (f"6e40000{i}-b5a3-f393-e0a9-e50e24dcca9e" for i in (2, 3, 4))


class VmBoard:
    def __init__(self, radio: ShimRadio, firmware: Path, environment: dict[str, str]) -> None:
        self.radio = radio
        self.address = radio.address
        self._firmware = firmware
        self._environment = environment

    def start(self) -> None:
        command = [micropython.binary(), self._firmware]
        self.vm = subprocess.Popen(command, env=self._environment, stdout=subprocess.PIPE)

    def freeze(self) -> None:
        self.vm.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.vm.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill the process; what the firmware printed goes into the report of a failed test."""
        if self.vm.stdout.closed:
            return
        self.vm.kill()
        out, _ = self.vm.communicate()
        sys.stdout.write(f"{self.radio.name}: {out.decode(errors='replace')}")


class AirBench:
    """One central (bleak on HCI over TCP) and as many boards as a test wants."""

    def __init__(self, folder: Path, seed: int = 1) -> None:
        self.air = Air(seed)
        self.boards: list[VmBoard] = []
        self._folder = folder
        self._centrals = 0
        (folder / "lib").mkdir()
        for name in (
            "bluetooth.py",
            "_ble_central.py",
            "_ble_events.py",
            "_ble_uuid.py",
            "_radio.py",
        ):
            (folder / "lib" / name).symlink_to(SHIMS / name)

    async def start(self) -> "AirBench":
        self.address, self.scanner, self.client = await self.central()
        return self

    async def central(self):
        self._centrals += 1
        address = f"C0:00:00:00:00:{self._centrals:02X}"
        port = await serve_hci_tcp(self.air, f"central {self._centrals}", address)
        return (address, *backends(f"tcp-client:127.0.0.1:{port}"))

    async def board(self, firmware: str = "echo.py", links_max: int = 1, **env) -> VmBoard:
        number = len(self.boards) + 1
        address = f"B0:00:00:00:00:{number:02X}"
        path = self._folder / f"radio{number}"
        radio = ShimRadio(self.air, f"board {number}", address, path, links_max=links_max)
        await radio.start()
        environment = os.environ | env
        environment |= {
            "CROWDCHARGE_RADIO_SOCKET": str(path),
            "MICROPYPATH": ":".join(map(str, (self._folder / "lib", ".frozen", *PRODUCT))),
            "BOARD_NAME": f"board {number}",
        }
        board = VmBoard(radio, FIRMWARE / firmware, environment)
        board.start()
        self.boards.append(board)
        return board

    async def find(self, board: VmBoard) -> BLEDevice:
        device = await BleakScanner.find_device_by_address(
            board.address, timeout=10, backend=self.scanner
        )
        assert device is not None, f"{board.address} is not on the air"
        return device

    async def connected(self, board: VmBoard, on_gone=None) -> BleakClient:
        client = BleakClient(await self.find(board), on_gone, backend=self.client, timeout=10)
        await client.connect()
        return client

    async def close(self) -> None:
        for board in self.boards:
            board.kill()
            await board.radio.stop()
        await self.air.close()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[AirBench]:
    desk = await AirBench(tmp_path).start()
    try:
        yield desk
    finally:
        await desk.close()


class Echo:
    """Commands and their replies over one bleak client."""

    def __init__(self, client: BleakClient) -> None:
        self.client = client
        self.replies: asyncio.Queue[bytes] = asyncio.Queue()

    async def start(self) -> "Echo":
        await self.client.start_notify(REPLY, lambda _c, data: self.replies.put_nowait(data))
        return self

    async def __call__(self, data: bytes, response: bool = True) -> bytes:
        await self.client.write_gatt_char(COMMAND, data, response=response)
        async with asyncio.timeout(10):
            return bytes(await self.replies.get())


@pytest.fixture
def echo():
    return lambda client: Echo(client).start()
