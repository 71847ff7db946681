# SPDX-License-Identifier: MIT
"""Benches with real VMs, and the code of mpremote as the hand on a board's serial port."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from mpremote.transport_serial import SerialTransport

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.hub.client import Control
from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.flash import firmware_tree

METER_FAULTS = ("meter-dead", "meter-overflow", "meter-stuck")
SWITCHED_FAULTS = ("link-drop", "gauge-lost", "hot-coil", "hot-battery", "stuck-switch", "cable")
TINY = Path(__file__).parent / "tiny"
# What a board's port does before it measures: power for the bus, the bus, a driver a meter.
METERS = """
import machine
from adafruit_ina219 import INA219
from boards import virtual as pins
from i2c_bus import I2CBus
machine.Pin(pins.I2C_POWER_PIN, machine.Pin.OUT, value=1)
i2c = machine.I2C(pins.I2C_ID, sda=machine.Pin(pins.I2C_SDA), scl=machine.Pin(pins.I2C_SCL))
bus = I2CBus(i2c)
tx, rx = INA219(bus, pins.TX_METER_ADDRESS), INA219(bus, pins.RX_METER_ADDRESS)
tx_enable = machine.Pin(pins.TX_ENABLE_PIN, machine.Pin.OUT, value=0)
rx_enable = machine.Pin(pins.RX_ENABLE_PIN, machine.Pin.OUT, value=0)
pulse = machine.Pin(pins.TX_PULSE_PIN, machine.Pin.OUT, value=0)
"""


def two_boards(firmware: Path, **changes) -> BenchConfig:
    """Boards 1 (90 %) and 2 (30 %) on each other."""
    fields = {
        "boards": (BoardConfig(1, 90.0), BoardConfig(2, 30.0)),
        "contacts": ContactsConfig(((Placement((1, 2)),),)),
        "firmware": str(firmware),
        **changes,
    }
    return BenchConfig(**fields)


class Repl:
    """A board's raw REPL through mpremote's own transport."""

    def __init__(self, port: str) -> None:
        self._transport = SerialTransport(port)

    async def enter(self, soft_reset: bool = False) -> None:
        await asyncio.to_thread(self._transport.enter_raw_repl, soft_reset)

    async def exec(self, code: str) -> str:
        out = await asyncio.to_thread(self._transport.exec, code)
        return out.decode().replace("\r\n", "\n").strip()

    async def without_answer(self, code: str) -> None:
        """Send what ends the VM."""
        await asyncio.to_thread(self._transport.exec_raw_no_follow, code)

    def close(self) -> None:
        self._transport.close()


@contextlib.asynccontextmanager
async def repl(port: str) -> AsyncIterator[Repl]:
    hand = Repl(port)
    try:
        await hand.enter()
        yield hand
    finally:
        hand.close()


async def until(found: Callable[[], object], what: str, timeout_s: float = 20.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not found():
        assert time.monotonic() < end_s, f"{what}: not within {timeout_s:g} s"
        await asyncio.sleep(0.01)


async def until_board(control: Control, board_id: int, good: Callable[[dict], bool]) -> None:
    end_s = time.monotonic() + 20.0
    while not good(await control.board(board_id)):
        assert time.monotonic() < end_s, await control.board(board_id)
        await asyncio.sleep(0.02)


CURES = [
    *((fault, {"side": side, "on": False}) for side in ("tx", "rx") for fault in METER_FAULTS),
    *((fault, {"on": False}) for fault in SWITCHED_FAULTS),
    ("foreign-object", {"power_W": 0.0}),
    ("packet-loss", {"share": 0.0}),
    ("packet-duplication", {"share": 0.0}),
]


class TinyBench:
    """A running bench whose boards have just started; logs and witness are read from there on."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.control = bench.control
        self.ports = bench.serial_ports

    async def refresh(self) -> None:
        """Boards as new, on a bench that other tests have used."""
        self._seen = dict.fromkeys(self.ports, 0)
        self._seen = {board_id: len(self.log(board_id)) for board_id in self.ports}
        for board_id in self.ports:
            for fault, back in CURES:
                await self.control.fault(fault, board_id, **back)
            await self.control.fault("reset", board_id)
        await self.control.call("resume")
        for board_id in self.ports:
            await self.booted(board_id)
        self._boots = {board["id"]: board["boots"] for board in await self.boards()}
        self._since_s = (await self.control.status())["time_s"]

    async def boards(self) -> list[dict]:
        return (await self.control.status())["boards"]

    def log(self, board_id: int) -> bytes:
        """Return what the board has written since the test began."""
        return self.bench.console_logs[board_id].read_bytes()[self._seen[board_id] :]

    async def booted(self, board_id: int, times: int = 1) -> None:
        """Until `tiny` has said `times` times that it started."""
        await until(lambda: self.log(board_id).count(b"started") >= times, f"boot {times}")

    async def boots(self, board_id: int) -> int:
        """Return the starts since the test began."""
        return (await self.control.board(board_id))["boots"] - self._boots[board_id]

    async def witness(self) -> dict:
        return await self.control.witness(since_s=self._since_s)


@pytest.fixture(scope="session")
def tiny_firmware(tmp_path_factory) -> Path:
    """`tiny/main.py`, with the product's bus adapter and meter."""
    folder = tmp_path_factory.mktemp("tiny")
    shutil.copy(TINY / "main.py", folder)
    for name in ("micropython/i2c_bus.py", "shared/ina219_meter.py"):
        shutil.copy(firmware_tree.root() / "ports" / name, folder)
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_bench(tiny_firmware, tmp_path_factory) -> AsyncIterator[Bench]:
    folder = tmp_path_factory.mktemp("bench")
    async with launch(two_boards(tiny_firmware), folder) as bench:
        yield bench


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def odd_bench(tiny_firmware, tmp_path_factory) -> AsyncIterator[Bench]:
    """Fast; board 1 with little memory and ticks about to wrap, 2 on littlefs, 3 with raw HCI."""
    boards = (
        BoardConfig(1, 90.0, ticks_start_ms=2**30 - 2000, heap_kB=512),
        BoardConfig(2, 30.0, storage="littlefs"),
        BoardConfig(3, 30.0, radio="hci"),
    )
    config = two_boards(tiny_firmware, boards=boards, speed=5.0)
    async with launch(config, tmp_path_factory.mktemp("odd")) as bench:
        yield bench


@pytest_asyncio.fixture(loop_scope="module")
async def tiny_bench(shared_bench) -> TinyBench:
    tiny = TinyBench(shared_bench)
    await tiny.refresh()
    return tiny


class Hands:
    """What test modules, which cannot import this one, need from it."""

    METERS = METERS
    TinyBench = TinyBench
    two_boards = staticmethod(two_boards)
    repl = staticmethod(repl)
    until = staticmethod(until)
    until_board = staticmethod(until_board)


@pytest.fixture
def hands() -> type[Hands]:
    return Hands
