# SPDX-License-Identifier: MIT
"""A transfer on real VMs while a computer does with the donor's USB port what it likes.

The bench's own recorder of the pins judges. The MicroPython and the CircuitPython port are tried.
"""

import asyncio
import contextlib
import os
import random
import secrets
import tty
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.boards.link import BoardLink
from crowdcharge.clock import BoardClock
from crowdcharge.flash.provision import provision
from crowdcharge.flash.serial_line import SerialLine
from crowdcharge.radio.bleak_radio import BleakRadio
from wptcore import ept, wire

pytestmark = [pytest.mark.bench, pytest.mark.vm, pytest.mark.asyncio(loop_scope="module")]

KEY = bytes(range(32))
LEASE_ms = 2000
# What a pass, the way from the pin to the recorder and a busy machine may take.
SLACK_s = 1.0
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
    boards = tuple(
        BoardConfig(
            number, 70.0, capacity_J=20_000.0, key=KEY.hex(), port=request.param, board=board
        )
        for number in (1, 2)
    )
    config = BenchConfig(boards, contacts=ContactsConfig(((Placement((1, 2)),),)))
    async with launch(config, tmp_path_factory.mktemp("bench")) as running:
        yield running


class Pair:
    """Both boards of a bench, with links that are made anew where they were lost."""

    def __init__(self, bench: Bench, radio: BleakRadio) -> None:
        self.bench = bench
        self._radio = radio
        self._links: dict[int, BoardLink] = {}

    async def hear(self) -> None:
        missing = set(self.bench.addresses.values())
        both = asyncio.Event()

        def heard(advert) -> None:
            missing.discard(advert.address)
            if not missing:
                both.set()

        await self._radio.start_scan(heard)
        await asyncio.wait_for(both.wait(), 30)

    async def link(self, number: int) -> BoardLink:
        link = self._links.get(number)
        if link is None or link.closed:
            address, clock = self.bench.addresses[number], BoardClock()
            link = await BoardLink.open(
                self._radio, address, number, KEY, secrets.token_bytes, clock
            )
            self._links[number] = link
        return link

    async def clear(self, transfer_id: int) -> None:
        """Clear LEASE_LOST on both boards, as the host does after settling."""
        for number in (1, 2):
            link = await self.link(number)
            for _ in range(50):
                if not (await link.ask()).runs(transfer_id):
                    break
                await asyncio.sleep(0.1)
            assert (await link.command(wire.CLEAR, ept.LEASE_LOST)).code == ept.NONE

    async def close(self) -> None:
        for link in self._links.values():
            await link.close()
        await self._radio.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(bench) -> AsyncIterator[Pair]:
    pair = Pair(bench, BleakRadio(*backends(bench.transport)))
    await pair.hear()
    yield pair
    await pair.close()


async def transfer(pair: Pair) -> "Renewals":
    """Switch the coil of board 1 on; return what keeps it so."""
    donor, receiver = await pair.link(1), await pair.link(2)
    number = secrets.randbits(30) | 1
    for link, role, peer in ((receiver, wire.PRX, 1), (donor, wire.PTX, 2)):
        grant = (wire.GRANT, number, role, peer, 0, 0, 5000, 500_000, 600_000, 0, LEASE_ms, 0)
        for _ in range(20):
            ack = await link.command(*grant)
            if ack.code not in {ept.SOC_UNKNOWN, ept.SELF_TEST}:  # it has just booted
                break
            await asyncio.sleep(0.3)
        assert ack.code == ept.NONE, ack
    return Renewals(number, donor, receiver)


class Renewals:
    def __init__(self, number: int, donor: BoardLink, receiver: BoardLink) -> None:
        self.number, self._donor, self._receiver = number, donor, receiver

    async def go_on(self, time_s: float) -> None:
        end_s = asyncio.get_running_loop().time() + time_s
        while asyncio.get_running_loop().time() < end_s:
            for link, peer in ((self._receiver, self._donor), (self._donor, self._receiver)):
                ack = await link.command(wire.RENEW, self.number, LEASE_ms, peer.ack.power_mW, 0)
                assert ack.code == ept.NONE, ack
            await asyncio.sleep(0.3)


@contextlib.contextmanager
def held_port(bench: Bench):
    """Hold the donor's port open by a program that never reads."""
    port = os.open(bench.serial_ports[1], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    tty.setraw(port)
    try:
        yield port
    finally:
        os.close(port)


async def coil_is_on(bench: Bench) -> bool:
    return [1, "tx"] in (await bench.control.witness(board=1))["on"]


async def dark_within(bench: Bench, time_s: float) -> None:
    end_s = asyncio.get_running_loop().time() + time_s
    while await coil_is_on(bench):
        assert asyncio.get_running_loop().time() < end_s, f"the coil is on after {time_s} s"
        await asyncio.sleep(0.05)


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
