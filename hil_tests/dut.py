# SPDX-License-Identifier: MIT
"""A board under test as the product's own host sees it: serial console, BLE, receipts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hil_tests.instruments import Instruments
from hil_tests.series import Series

from crowdcharge.boards import codes
from crowdcharge.boards.constants import BoardState, FrameType
from crowdcharge.boards.fleet import BoardView
from crowdcharge.boards.link import BoardLink
from crowdcharge.boards.models import RUNNING_STATES, Ack, Beacon, Receipt
from crowdcharge.boards.pool import Pool
from crowdcharge.clock import BoardClock
from crowdcharge.errors import RadioError, WptError
from crowdcharge.flash.serial_line import SerialLine
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.station import Station
from crowdcharge.orchestrator.transfer import TransferRun, TransferTerms
from crowdcharge.policy.base import Offer
from crowdcharge.radio.base import Radio

PATIENCE_s = 90.0  # of real time: on a busy machine a second's work takes long
_POLL_s = 0.02
_TERMS = TransferTerms(lease_ms=5000)


async def until(found: Callable[[], Any], what: str) -> Any:
    """Call the coroutine function `found` until it gives something true, and return that."""
    loop = asyncio.get_running_loop()
    ends_s = loop.time() + PATIENCE_s
    while not (value := await found()):
        assert loop.time() < ends_s, f"not within {PATIENCE_s:g} s: {what}"
        await asyncio.sleep(_POLL_s)
    return value


class Dut:
    """A board; `kind` is its name in firmware/boards. A console question opens its port anew."""

    def __init__(self, host: "Host", board_id: int, kind: str, port: str) -> None:
        self.id = board_id
        self.kind = kind
        self.port = port
        self._host = host

    async def console(self, work: Callable[[SerialLine], Any]) -> Any:
        """Run `work` with the board's serial line, in a thread."""

        def in_thread() -> Any:
            with SerialLine(self.port) as line:
                return work(line)

        return await asyncio.to_thread(in_thread)

    async def link(self) -> BoardLink:
        """Return a connection, made anew if there is none; wait for a board that is starting."""
        last: list[WptError] = []

        async def connected() -> BoardLink | None:
            try:
                link = await self._host.pool.get(self.id)
                await link.ask()
            except WptError as error:
                last[:] = [error]
                await asyncio.sleep(0.2)
                return None
            return link

        try:
            found = await until(connected, f"board {self.id} connects")
        except AssertionError:
            raise last[0] if last else AssertionError(self.id) from None
        assert isinstance(found, BoardLink)
        return found

    async def ask(self) -> Ack:
        return await (await self.link()).ask()

    async def status(self) -> Beacon:
        return await (await self.link()).status()

    async def command(self, frame_type: int, *values: int) -> Ack:
        """Repeat the command if its answer is lost, as the product does."""
        for _ in range(3):
            try:
                return await (await self.link()).command(frame_type, *values)
            except RadioError as error:
                last = error
        raise last

    async def receipt(self, transfer_id: int) -> Receipt:
        """Wait until the board has closed the transfer."""

        async def found() -> Receipt | None:
            try:
                receipts = await (await self.link()).receipts()
            except RadioError:
                return None
            return next((each for each in receipts if each.transfer_id == transfer_id), None)

        receipt = await until(found, f"board {self.id} has a receipt of {transfer_id}")
        assert isinstance(receipt, Receipt)
        assert receipt.signed_with(self._host.keys[self.id])
        return receipt

    async def faults(self) -> frozenset[int]:
        return await (await self.link()).faults()

    async def clear(self) -> None:
        """End what runs and clear what is latched."""
        ack = await self.ask()
        if ack.state in RUNNING_STATES:
            await self.command(FrameType.STOP, ack.transfer_id)

        async def idle() -> bool:
            ack = await self.ask()
            if ack.state == BoardState.FAULT:
                await self._clear_latch(ack.ept)
            return ack.state == BoardState.IDLE and ack.soc_permille is not None

        await until(idle, f"board {self.id} is idle")
        await until(self._unblocked, f"board {self.id} has no standing fault")

    async def _clear_latch(self, code: int) -> None:
        """Clear as the host that settled, or as the person whose cable is plugged in."""
        if codes.CLEAR_BY.get(code) == "host":
            await self.command(FrameType.CLEAR, code)
        else:
            await self.console(lambda line: line.ask("clear", codes.name(code)))

    async def _unblocked(self) -> bool:
        return not (await self.status()).problem


class Run:
    """One transfer, kept alive by a TransferRun; `fall_silent` is a host that dies."""

    def __init__(
        self, donor: Dut, receiver: Dut, transfer_id: int, transfer_run: TransferRun
    ) -> None:
        self.donor, self.receiver = donor, receiver
        self.transfer_id = transfer_id
        self._transfer_run = transfer_run
        self.task: asyncio.Task[None] | None = None

    def start(self, duration_s: float) -> None:
        self.task = asyncio.create_task(self._transfer_run.run(duration_s))

    async def ended(self) -> None:
        """Wait until both boards have ended; GrantRefused if one said no."""
        assert self.task
        await self.task

    async def stop(self) -> None:
        self._transfer_run.stop()
        await self.ended()

    async def fall_silent(self) -> None:
        """Send no Stop, no renewal, nothing."""
        assert self.task
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def receipts(self) -> tuple[Receipt, Receipt]:
        sent = await self.donor.receipt(self.transfer_id)
        return sent, await self.receiver.receipt(self.transfer_id)


class Host:
    """The product's own station, with a ledger that lasts as long as the session listens."""

    _station: Station

    def __init__(
        self,
        radio: Radio,
        keys: dict[int, bytes],
        speed: float,
        first_id: int,
        transfer_max_s: float = 120.0,
    ) -> None:
        self.transfer_max_s = transfer_max_s
        self.keys = keys
        self.clock = BoardClock(speed)
        self._radio = radio
        self._first_id = first_id

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Host"]:
        with TemporaryDirectory() as folder, Store.create(Path(folder) / "hil.sqlite") as store:
            self._station = Station(
                self._radio, store, self.keys, self.clock, lambda _: None, self._first_id
            )
            async with self._station.listening():
                yield self

    @property
    def pool(self) -> Pool:
        return self._station.pool

    def view(self, board_id: int) -> BoardView | None:
        return self._station.fleet.view(board_id)

    def run(
        self, donor: Dut, receiver: Dut, energy_J: float = 1e5, terms: TransferTerms = _TERMS
    ) -> Run:
        """Prepare a transfer; budgets and lease are those of `terms`.

        No board is granted longer than the bench file's `transfer_max_s`, so a test that hangs
        ends there too.
        """
        longest_ms = min(terms.duration_max_ms, round(self.transfer_max_s * 1000))
        terms = replace(terms, duration_max_ms=longest_ms)
        offer = Offer(donor.id, receiver.id, energy_J)
        opened = self._station.ledger_keeper.open(offer, terms.power_max_mW)
        transfer_run = self._station.transfer_run([opened], terms)
        return Run(donor, receiver, opened.transfer_id, transfer_run)


class Couple:
    """Two boards that lie on each other, with the bench's instruments around them."""

    def __init__(
        self, host: Host, donor: Dut, receiver: Dut, instruments: Instruments, series: Series
    ) -> None:
        self.host = host
        self.donor, self.receiver = donor, receiver
        self.instruments = instruments
        self._series = series

    @asynccontextmanager
    async def running(
        self, energy_J: float = 1e5, terms: TransferTerms = _TERMS, duration_s: float = 1000.0
    ) -> AsyncIterator[Run]:
        """Run a transfer in which power flows, by the instruments' word, until the block ends."""
        run = self.host.run(self.donor, self.receiver, energy_J, terms)
        run.start(self.host.clock.now_s() + duration_s)
        recording = self._series.recording(self.instruments, self.donor.id, self.receiver.id)
        try:
            async with recording:
                await self.flows(run)
                yield run
        finally:
            if run.task and not run.task.done():
                await run.stop()

    async def flows(self, run: Run) -> None:
        async def power() -> bool:
            assert run.task
            if run.task.done():
                await run.task
                raise AssertionError("the transfer ended before power flowed")
            return await self.instruments.power_W(self.receiver.id, "rx") > 0.1

        await until(power, "power flows")

    async def off_s(self, since_s: float) -> float:
        """When the donor's coil went off for good, after `since_s`."""

        async def off() -> float | None:
            changes = await self.instruments.coil_changes(self.donor.id, since_s)
            return changes[-1][0] if changes and not changes[-1][1] else None

        found = await until(off, "the coil is off")
        assert isinstance(found, float)
        return found
