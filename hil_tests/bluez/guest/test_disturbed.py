# SPDX-License-Identifier: MIT
"""What happens to Bluetooth on a Linux machine in the middle of a transfer.

Every time the coils go off within the lease, the run resumes by itself, and the ledger verifies.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from hil_tests.bluez.guest import bluez
from hil_tests.bluez.guest.bench import launch_plugged

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.hub.launch import Bench
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.boards import keys as key_file
from crowdcharge.ledger.settlement import SETTLED, VOID
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import verify
from crowdcharge.orchestrator.config import parse
from crowdcharge.orchestrator.contacts import ContactSchedule
from crowdcharge.orchestrator.events import Event, TransferEnded, TransferStarted, Trouble
from crowdcharge.orchestrator.runner import Runner

logger = logging.getLogger(__name__)
pytestmark = pytest.mark.timeout(900)

LEASE_s = 5.0
SAMPLE_s = 0.2
SLOT_s = 20.0
CAPACITY_J = 1000.0  # a transfer outlasts the disturbance
SMALL_J = 50.0  # a transfer lasts seconds
RESUMED_WITHIN_s = 240.0


@dataclass
class Host:
    """The product's run in this process, and all its events."""

    bench: Bench
    out: Path
    keys: dict[int, bytes]
    events: list[Event] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def emit(self, event: Event) -> None:
        self.events.append(event)
        logger.info("%s", event)
        self.changed.set()

    async def emitted(self, kind: type[Event], count: int) -> None:
        async with asyncio.timeout(RESUMED_WITHIN_s):
            while sum(isinstance(event, kind) for event in self.events) < count:
                self.changed.clear()
                await self.changed.wait()

    async def coils(self, on: bool) -> None:
        async with asyncio.timeout(RESUMED_WITHIN_s):
            while True:
                if bool((await self.bench.control.witness())["on"]) == on:
                    return
                await asyncio.sleep(0.05)

    async def received(self, energy_J: float) -> None:
        """Wait until the second board has received this much."""
        async with asyncio.timeout(RESUMED_WITHIN_s):
            while True:
                if (await self.bench.control.board(2))["received_J"] >= energy_J:
                    return
                await asyncio.sleep(0.5)

    def states(self) -> list[str]:
        """Verify the ledger and return the states of all transfers."""
        with Store.read(self.out / "ledger.sqlite") as store:
            book = store.load()
            assert [each for each in verify(store.rows(), self.keys) if each.wrong] == []
            assert book.unsettled() == []
            return [each.state for each in book.transfers.values()]


@contextlib.asynccontextmanager
async def host_on(
    tmp_path: Path, boards: int, slots: int, capacity_J: float = CAPACITY_J
) -> AsyncIterator[Host]:
    """Run a host over pairs (1, 2), (3, 4), ... that lie together; stop it at the end."""
    keys = {board: bytes([board]) * 32 for board in range(1, boards + 1)}
    pairs = tuple((board, board + 1) for board in range(1, boards, 2))
    config = BenchConfig(
        tuple(
            BoardConfig(board, 90.0 if board % 2 else 10.0, key=key.hex(), capacity_J=CAPACITY_J)
            for board, key in keys.items()
        ),
        contacts=ContactsConfig((tuple(Placement(pair) for pair in pairs),), 10_000.0),
    )
    key_file.save(tmp_path / "keys.toml", keys)
    text = f"""
        [run]
        policy = "oblivious-share"
        keys = "keys.toml"
        out = "out"
        [radio]
        slots = {slots}
        [transfer]
        lease_ms = {int(LEASE_s * 1000)}
        [contacts]
        source = "bench"
    """
    async with launch_plugged(config) as bench:
        host = Host(bench, tmp_path / "out", keys)
        run = parse(text, tmp_path / "run.toml")
        runner = Runner(run, host.emit, ContactSchedule(SLOT_s, (pairs,)), bench.vm)
        running = asyncio.create_task(runner.run())
        try:
            yield host
            runner.stop()
            await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def stop() -> None:
    """Stop bluetoothd, masked: otherwise the product's next D-Bus call would start it."""
    await bluez.said("systemctl", "mask", "--runtime", "--now", "bluetooth")


async def crash() -> None:
    """Kills bluetoothd, which therefore cleans nothing up."""
    await bluez.said("systemctl", "mask", "--runtime", "bluetooth")
    assert not await bluez.said("systemctl", "kill", "--signal=KILL", "bluetooth")


async def start() -> None:
    await bluez.said("systemctl", "unmask", "--runtime", "bluetooth")
    await bluez.restart()
    await bluez.set_power("on")


OUTAGES = {
    "adapter off": (partial(bluez.set_power, "off"), partial(bluez.set_power, "on")),
    "bluetoothd stopped": (stop, start),
    "bluetoothd crashed": (crash, start),
}


@pytest.mark.parametrize(
    "outage",
    ["adapter off", *(pytest.param(name, marks=pytest.mark.long) for name in [*OUTAGES][1:])],
)
async def test_coils_go_off_within_the_lease_and_the_run_resumes(
    tmp_path: Path, outage: str
) -> None:
    begin, end = OUTAGES[outage]
    async with host_on(tmp_path, boards=2, slots=7) as host:
        await host.emitted(TransferStarted, 1)
        await host.coils(on=True)
        await begin()
        begun_s = (await host.bench.control.status())["time_s"]
        await host.coils(on=False)
        seen = await host.bench.control.witness()
        offs = [each["time_s"] for each in seen["changes"] if not each["on"]]
        assert min(offs) <= begun_s + LEASE_s + SAMPLE_s
        await end()
        await host.emitted(TransferStarted, 2)
    assert set(host.states()) <= {SETTLED, VOID}
    assert len(host.states()) >= 2


@pytest.mark.long
async def test_the_run_goes_on_after_a_quick_restart_of_bluetoothd(tmp_path: Path) -> None:
    """An upgrade does this. If the link is back within the lease, the transfer goes on."""
    async with host_on(tmp_path, boards=2, slots=7) as host:
        await host.coils(on=True)
        await bluez.restart()
        await bluez.set_power("on")
        before_J = (await host.bench.control.board(2))["received_J"]
        await host.received(before_J + 20.0)
    assert set(host.states()) <= {SETTLED, VOID}


@pytest.mark.long
async def test_eight_boards_share_five_slots(tmp_path: Path) -> None:
    async with host_on(tmp_path, boards=8, slots=5, capacity_J=SMALL_J) as host:
        async with asyncio.timeout(RESUMED_WITHIN_s):
            while len({each.ptx for each in host.events if isinstance(each, TransferEnded)}) < 4:
                lines = (await bluez.said("bluetoothctl", "devices", "Connected")).splitlines()
                assert sum(line.startswith("Device ") for line in lines) <= 5
                await asyncio.sleep(2.0)
    assert not [each for each in host.events if isinstance(each, Trouble) and "slot" in each.text]
    assert set(host.states()) <= {SETTLED, VOID}
