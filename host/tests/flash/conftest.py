# SPDX-License-Identifier: MIT
"""A bench with the product's firmware on its boards, and the hand of a host on the radio."""

import asyncio
import contextlib
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.boards.link import BoardLink
from crowdcharge.clock import BoardClock
from crowdcharge.flash import firmware_tree, micropython
from crowdcharge.flash.tree import board_kind
from crowdcharge.radio.bleak_radio import BleakRadio
from wptcore import ept, wire

from ..command import run_command
from ..heard import hear

# The heap that the firmware may take on the 64-bit VM, and what the bench's
# modules take there, which stand for silicon. From source the firmware does not even start in it.
HEAP_kB = 240 + 58
KEYS = {1: bytes(range(32)), 2: bytes(range(1, 33))}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench(tmp_path_factory) -> AsyncIterator[Bench]:
    """Boards 1 (90 %) and 2 (30 %) on each other, ready to work, with little heap."""
    boards = tuple(
        BoardConfig(number, soc_pct, capacity_J=1000.0, key=KEYS[number].hex(), heap_kB=HEAP_kB)
        for number, soc_pct in ((1, 90.0), (2, 30.0))
    )
    config = BenchConfig(boards, contacts=ContactsConfig(((Placement((1, 2)),),)))
    async with launch(config, tmp_path_factory.mktemp("bench")) as running:
        await asyncio.gather(
            *(
                asyncio.to_thread(micropython.flash, board_kind("virtual"), port)
                for port in running.serial_ports.values()
            )
        )
        yield running


async def command(*arguments: object, **options) -> subprocess.CompletedProcess[str]:
    """`crowdcharge ARGUMENTS` as a process of its own."""
    return await asyncio.to_thread(run_command, *arguments, **options)


async def done(*arguments: object) -> str:
    """Do as `command`, which must succeed; return what it says."""
    result = await command(*arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


async def until(bench: Bench, board_id: int, good: Callable[[dict], bool]) -> None:
    """Until the plant's truth of a board is so."""
    end_s = asyncio.get_running_loop().time() + 20
    while not good(await bench.control.board(board_id)):
        assert asyncio.get_running_loop().time() < end_s, await bench.control.board(board_id)
        await asyncio.sleep(0.05)


class Transfer:
    """One from the first of `pair` to the second, renewed for as long as both answer."""

    def __init__(self, bench: Bench, pair: tuple[int, int] = (1, 2)) -> None:
        self._bench = bench
        self._pair = pair
        self._radio = BleakRadio(*backends(bench.transport))
        self.number = secrets.randbits(30) | 1

    async def link(self, board_id: int) -> BoardLink:
        keys = {board.id: board.key for board in self._bench.config.boards}
        return await BoardLink.open(
            self._radio,
            self._bench.addresses[board_id],
            board_id,
            bytes.fromhex(keys[board_id]),
            secrets.token_bytes,
            BoardClock(),
        )

    async def on_air(self, *boards: int) -> None:
        await hear(self._radio, [self._bench.addresses[board_id] for board_id in boards], 20)
        await self._radio.stop_scan()

    @contextlib.asynccontextmanager
    async def running(self):
        await self.on_air(*self._pair)
        donor, receiver = [await self.link(board_id) for board_id in self._pair]
        gives, takes = self._pair
        for link, role, peer in ((receiver, wire.PRX, gives), (donor, wire.PTX, takes)):
            ack = await link.command(
                wire.GRANT, self.number, role, peer, 0, 0, 5000, 500_000, 600_000, 0, 5000, 0
            )
            assert ack.code == ept.NONE, ack
        self._links = (receiver, donor)
        renewing = asyncio.create_task(self._renew(donor, receiver))
        try:
            yield donor
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            await donor.close()
            await receiver.close()

    async def stop(self) -> None:
        """End it as a host does; without this both boards lose their leases."""
        for link in self._links:
            await link.command(wire.STOP, self.number)

    async def _renew(self, donor: BoardLink, receiver: BoardLink) -> None:
        while True:
            for link, peer in ((receiver, donor), (donor, receiver)):
                await link.command(wire.RENEW, self.number, 5000, peer.ack.power_mW, 0)
            await asyncio.sleep(0.3)


@pytest.fixture
def port_copy(tmp_path) -> Path:
    """Return the MicroPython port's own files, to be changed by a test."""

    folder = tmp_path / "port"
    shutil.copytree(firmware_tree.root() / "ports" / "micropython", folder)
    return folder
