# SPDX-License-Identifier: MIT
"""Whatever is done to a board that is dark in deep sleep: no coil, no latch, and it wakes."""

import asyncio
import os
from pathlib import Path

import pytest
import pytest_asyncio

from crowdcharge.bench.config import BenchConfig, BoardConfig
from crowdcharge.bench.hub.launch import launch
from crowdcharge.boards import codes
from crowdcharge.flash.serial_line import SerialLine
from wptcore.declared import CLEAR_BY

pytestmark = [
    pytest.mark.bench,
    pytest.mark.vm,
    pytest.mark.long,  # two minutes: pytest -m long host/tests/bench/live/test_asleep.py
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]
LATCHES = {codes.name(code) for code in CLEAR_BY}
STAYS_s = 1.0  # five seconds of the board's time


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench(tmp_path_factory):
    config = BenchConfig((BoardConfig(1, 1.0, idle_W=0.1, key="5a" * 32),), speed=5.0)
    async with launch(config, tmp_path_factory.mktemp("bench")) as running:
        yield running


async def until(bench, **wanted) -> dict:
    """Until the bench says so of the board."""
    ends_s = asyncio.get_running_loop().time() + 60
    while not wanted.items() <= (found := await bench.control.board(1)).items():
        assert asyncio.get_running_loop().time() < ends_s, found
        await asyncio.sleep(0.05)
    return found


async def faults(bench) -> set[str]:
    def ask() -> str:
        with SerialLine(bench.serial_ports[1]) as line:
            line.hello()
            return line.ask("status")["faults"]

    return set((await asyncio.to_thread(ask)).split(","))


def write(bench, data: bytes) -> None:
    port = os.open(Path(bench.serial_ports[1]), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    os.write(port, data)
    os.close(port)


@pytest.mark.parametrize(
    "data", [b"\x03\x03", b"\x04", b"\x01\x03\x04", b"status\r\n", bytes(range(256)) * 4]
)
async def test_bytes_on_its_port_change_nothing(bench, data):
    """Ctrl-C and what mpremote sends, too: the chip is off, and a board's USB with it."""
    before = await until(bench, asleep=True)
    write(bench, data)
    await asyncio.sleep(STAYS_s)
    after = await bench.control.board(1)
    assert (after["asleep"], after["boots"]) == (True, before["boots"])
    await bench.control.fault("cable", 1)
    await until(bench, asleep=False, running=True, last_reset="deep sleep")
    assert not await faults(bench) & LATCHES
    await bench.control.fault("cable", 1, on=False)


@pytest.mark.parametrize("what", ["reset", "power-on", "brown-out", "kill"])
async def test_what_restarts_it_is_no_failure_and_it_sleeps_again(bench, what):
    before = await until(bench, asleep=True)
    await bench.control.fault(what, 1)
    if what == "kill":
        await asyncio.sleep(STAYS_s)
        dark = await bench.control.board(1)
        assert (dark["asleep"], dark["running"]) == (False, False)
        await bench.control.fault("power-on", 1)
    await until(bench, asleep=False, running=True, boots=before["boots"] + 1)
    assert not await faults(bench) & LATCHES


@pytest.mark.parametrize("number", range(4))
async def test_ctrl_c_between_its_adverts_is_no_failure(bench, number):
    """Four in a row: as many failures would look like a boot loop."""
    await bench.control.fault("reset", 1)
    await faults(bench)  # it is up
    boots = (await bench.control.board(1))["boots"]
    write(bench, b"\x03")
    await until(bench, boots=boots + 1, last_reset="watchdog")
    assert not await faults(bench) & LATCHES


async def test_no_coil_was_ever_on(bench):
    await until(bench, asleep=True)
    changes = (await bench.control.witness(board=1))["changes"]
    assert not [change for change in changes if change["on"]]
