# SPDX-License-Identifier: MIT
"""The supply fails at chosen bytes of a board's flash writes: littlefs or CircuitPython's nvm,
journal, real firmware.

The core's tests cut a record at every byte (firmware/tests/test_journal.py); here the file system
lies between, and the cut falls into its blocks too.
"""

import asyncio
import contextlib
import secrets

import pytest

from crowdcharge.bench.config import BenchConfig, BoardConfig
from crowdcharge.bench.hub.launch import launch
from crowdcharge.boards.link import BoardLink
from crowdcharge.clock import BoardClock
from crowdcharge.errors import WptError
from crowdcharge.flash.provision import provision
from crowdcharge.flash.serial_line import SerialLine
from crowdcharge.radio import open_radio
from wptcore import ept, wire

pytestmark = [pytest.mark.bench, pytest.mark.slow, pytest.mark.timeout(400)]

KEY = bytes([7]) * 32
FEW = (0, 1, 17, 33, 100, 257)
SPEED = 2.0
MANY = (*range(0, 700, 7), *range(700, 4500, 100))
LITTLEFS = BoardConfig(1, 60.0, storage="littlefs", key=KEY.hex())
# Each write is a page of 4 KiB that is erased and then programmed.
NRF52840 = BoardConfig(1, 60.0, board="feather_nrf52840", port="circuitpython", key=KEY.hex())
PAGE_FEW = (0, 1, 4096, 4500, 8191)
PAGE_MANY = (*range(0, 8192, 97), *range(8192, 24_576, 601))
ESP32S3 = BoardConfig(1, 60.0, board="feather_esp32s3_cp", port="circuitpython", key=KEY.hex())


class Owner:
    """Connects again whenever the board has rebooted."""

    def __init__(self, bench) -> None:
        self._bench = bench
        self._radio = open_radio(bench.transport)
        self._heard = asyncio.Event()
        self._link: BoardLink | None = None

    async def start(self) -> None:
        await self._radio.start_scan(lambda _advert: self._heard.set())
        await asyncio.wait_for(self._heard.wait(), 60)

    async def link(self) -> BoardLink:
        for _ in range(200):
            with contextlib.suppress(WptError):
                if self._link is None or self._link.closed:
                    self._link = await BoardLink.open(
                        self._radio,
                        self._bench.addresses[1],
                        1,
                        KEY,
                        secrets.token_bytes,
                        BoardClock(SPEED),
                    )
                await self._link.ask()
                return self._link
            await asyncio.sleep(0.1)
        raise AssertionError("the board did not come back")

    async def close(self) -> None:
        if self._link is not None:
            await self._link.close()
        await self._radio.close()


async def cut_and_look(bench, owner: Owner, after_bytes: int, floor_pct: int) -> tuple[int, int]:
    """(floor, epoch) after a Configure whose write was torn, or was not."""
    await bench.control.fault("torn-write", 1, after_bytes=after_bytes)
    boots = (await bench.control.board(1))["boots"]
    with contextlib.suppress(WptError):
        await (await owner.link()).command(wire.CONFIGURE, wire.CONFIGURE_FLOOR_pct, floor_pct)
    for _ in range(100):
        if (await bench.control.board(1))["boots"] > boots:
            break
        with contextlib.suppress(WptError):  # the write was shorter: another one meets the cut
            await (await owner.link()).command(wire.CONFIGURE, wire.CONFIGURE_FLOOR_pct, floor_pct)
        await asyncio.sleep(0.05)
    link = await owner.link()
    return (await link.ask_limits()).floor_pct, (await link.status()).epoch


async def torn(folder, cuts: tuple[int, ...], board: BoardConfig = LITTLEFS) -> None:
    async with launch(BenchConfig((board,), speed=SPEED), folder) as bench:
        owner = Owner(bench)
        await owner.start()
        looped = False
        old_pct, old_epoch = 20, (await (await owner.link()).status()).epoch
        for number, after_bytes in enumerate(cuts):
            new_pct = 21 + number // 2  # by radio the floor rises only
            floor_pct, epoch = await cut_and_look(bench, owner, after_bytes, new_pct)
            assert floor_pct in {old_pct, new_pct}, f"cut after {after_bytes} bytes: {floor_pct} %"
            assert epoch >= old_epoch, f"cut after {after_bytes} bytes: epoch {epoch}"
            old_pct, old_epoch = floor_pct, epoch
            loops = ept.BOOT_LOOP in await (await owner.link()).faults()
            assert loops or not looped, "a latch is lost"
            # CircuitPython knows a brown-out; elsewhere it reads as somebody's power-on.
            assert not loops or board.port == "circuitpython"
            looped = loops
        assert looped == (board.port == "circuitpython")
        ack = await (await owner.link()).ask()
        assert ack.code == ept.NONE
        await owner.close()


async def test_a_cut_at_a_few_bytes_leaves_the_old_or_the_new_record(tmp_path):
    await torn(tmp_path, FEW)


@pytest.mark.long  # its pages tear in host/tests/circuitpython/test_memory.py, too
async def test_a_cut_in_an_nrf52840s_page_leaves_the_old_or_the_new_record(tmp_path):
    """And its identity, which lies in the same pages."""
    await torn(tmp_path, PAGE_FEW, NRF52840)


async def test_an_esp32s3_that_loses_circuitpythons_memory_grants_nothing(tmp_path):
    """A write erases all of it first. What is left is a board that was never provisioned."""
    async with launch(BenchConfig((ESP32S3,), speed=SPEED), tmp_path / "bench") as bench:
        owner = Owner(bench)
        await owner.start()
        boots = (await bench.control.board(1))["boots"]
        await bench.control.fault("torn-write", 1, after_bytes=9000)
        with contextlib.suppress(WptError):
            await (await owner.link()).command(wire.CONFIGURE, wire.CONFIGURE_FLOOR_pct, 33)
        await owner.close()
        for _ in range(400):  # safemode.py restarts it once more
            if (await bench.control.board(1))["boots"] >= boots + 2:
                break
            await asyncio.sleep(0.05)

        def told(call):
            with SerialLine(bench.serial_ports[1]) as line:
                line.hello()
                return call(line)

        def provisioned(line):
            provision(line, 1, tmp_path / "keys.toml", secrets.token_bytes)

        identity = await asyncio.to_thread(told, lambda line: line.ask("identity"))
        assert identity["board_id"] == "0"
        await asyncio.to_thread(told, provisioned)
        identity = await asyncio.to_thread(told, lambda line: line.ask("identity"))
        assert identity["board_id"] == "1"


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("board", "cuts"), [(LITTLEFS, MANY), (NRF52840, PAGE_MANY)])
async def test_a_cut_at_many_bytes_leaves_the_old_or_the_new_record(tmp_path, board, cuts):
    await torn(tmp_path, cuts, board)
