# SPDX-License-Identifier: MIT
"""A transfer on real VMs while a computer does with the donor's USB port what it likes.

The bench's own recorder of the pins judges. The MicroPython and the CircuitPython port are tried.
"""

import asyncio
import contextlib
import os
import random
import secrets
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.flash.provision import provision
from crowdcharge.flash.serial_line import SerialLine
from crowdcharge.radio.bleak_radio import BleakRadio

from .pair_on_bench import (
    LEASE_ms,
    Pair,
    SLACK_s,
    coil_is_on,
    dark_within,
    held_port,
    transfer,
    two_boards,
)

pytestmark = [pytest.mark.bench, pytest.mark.vm, pytest.mark.asyncio(loop_scope="module")]

# CircuitPython's watchdog ends in safe mode, and safemode.py restarts from there.
RESETS_AFTER_CTRL_C = {
    "micropython": {"watchdog"},
    "circuitpython": {"watchdog", "software reset"},
}
JUNK = {
    "the first half of a character": b"\xc3",
    "help, and nobody reads": b"help\r\n" * 40,
    "status, and nobody reads": b"\nstatus\n" * 60,
    "no line end": b"x" * 3000,
    "noise": bytes(byte for byte in random.Random(1).randbytes(4000) if byte != 3),
    "what a modem manager asks": b"AT\r\nATZ\r\n\x7e\x00\x78\xf0\x7e" * 20,
}


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=["micropython", "circuitpython"]
)
async def bench(request, tmp_path_factory) -> AsyncIterator[Bench]:
    board = "virtual" if request.param == "micropython" else "feather_nrf52840"
    config = two_boards(request.param, board)
    async with launch(config, tmp_path_factory.mktemp("bench")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(bench) -> AsyncIterator[Pair]:
    pair = Pair(bench, BleakRadio(*backends(bench.transport)))
    await pair.hear()
    yield pair
    await pair.close()


@pytest.mark.parametrize("what", JUNK)
async def test_the_lease_ends_the_transfer_whatever_the_port_gets(bench, pair, what):
    """With renewals it goes on; without, the coil is off when the lease is over."""
    renewals = await transfer(pair)
    with held_port(bench) as port:
        for _ in range(3):
            with contextlib.suppress(BlockingIOError):
                os.write(port, JUNK[what])
            await renewals.go_on(0.5)
        assert await coil_is_on(bench)
        await dark_within(bench, LEASE_ms / 1000 + SLACK_s)
    board = await bench.control.board(1)
    assert board["last_reset"] == "power-on", "no watchdog was needed"
    await pair.clear(renewals.number)


async def test_ctrl_c_switches_off_at_once_and_is_no_failure(bench, pair):
    boots = (await bench.control.board(1))["boots"]
    renewals = await transfer(pair)
    await renewals.go_on(0.5)
    assert await coil_is_on(bench)
    with held_port(bench) as port:
        os.write(port, b"\r\x03\x03")
        await dark_within(bench, SLACK_s)
    for _ in range(200):  # the watchdog goes on, and restarts the board
        if (await bench.control.board(1))["boots"] > boots:
            break
        await asyncio.sleep(0.2)
    port = bench.config.boards[0].port
    assert (await bench.control.board(1))["last_reset"] in RESETS_AFTER_CTRL_C[port]


async def test_provisioning_again_and_again_is_reliable_and_latches_nothing(bench, tmp_path):
    """Each time is two asked-for reboots, more than a boot loop has."""
    keys = tmp_path / "keys.toml"

    def provisioned() -> dict[str, str]:
        with SerialLine(bench.serial_ports[2]) as line:
            provision(line, 2, keys, secrets.token_bytes)
            return line.ask("status")

    for _ in range(3):
        status = await asyncio.to_thread(provisioned)
        assert status["maintenance"] == "0"
        assert "BOOT_LOOP" not in status["faults"]
