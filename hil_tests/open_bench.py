# SPDX-License-Identifier: MIT
"""Open the bench of a bench file: its boards, its radio and its instruments."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hil_tests.benchfile import BenchFile, Pair
from hil_tests.dut import Couple, Dut, Host
from hil_tests.instruments import Instruments, VirtualInstruments
from hil_tests.series import Series

from crowdcharge.bench.config import BenchConfig, BoardConfig
from crowdcharge.bench.hub.launch import launch
from crowdcharge.boards import keys as key_file
from crowdcharge.clock import BoardClock
from crowdcharge.radio import open_radio
from crowdcharge.radio.replay_radio import ReplayRadio


class OpenBench:
    """A bench while tests run on it; `ports` are the serial ports of the boards present."""

    def __init__(
        self, bench: BenchFile, host: Host, ports: dict[int, str], instruments: Instruments
    ) -> None:
        self.file = bench
        self.host = host
        self.instruments = instruments
        self._duts = {
            board_id: Dut(host, board_id, bench.board(board_id).board, port)
            for board_id, port in ports.items()
        }
        self._series: list[Series] = []

    @property
    def present(self) -> list[int]:
        return sorted(self._duts)

    def missing(self, board_id: int) -> str:
        """Why a board cannot be tested, or ""."""
        if board_id in self._duts:
            return ""
        board = self.file.board(board_id)
        return (
            f"bench {self.file.name}: board {board_id} ({board.board}, USB serial number"
            f" {board.usb}) is not plugged in"
        )

    async def ready(self, board_id: int) -> Dut:
        """Brings a board to rest and clears its faults."""
        await self.instruments.rest()
        dut = self._duts[board_id]
        await dut.clear()
        return dut

    async def couple(self, pair: Pair) -> Couple:
        donor, receiver = [await self.ready(board_id) for board_id in pair.boards]
        await self.instruments.place(*pair.boards, pair.gap_mm, pair.offset_mm)
        series = Series(pair.name)
        self._series.append(series)
        return Couple(self.host, donor, receiver, self.instruments, series)

    def taken(self) -> list[Series]:
        """Return the series recorded since the last call."""
        series, self._series = self._series, []
        return [each for each in series if each.points]


@asynccontextmanager
async def opened(bench: BenchFile, folder: Path) -> AsyncIterator[OpenBench]:
    opening = _virtual(bench, folder) if bench.kind == "virtual" else _real(bench)
    async with opening as open_bench:
        yield open_bench


@asynccontextmanager
async def _virtual(bench: BenchFile, folder: Path) -> AsyncIterator[OpenBench]:
    keys = {board.id: bytes([board.id]) * 32 for board in bench.boards}
    boards = tuple(
        BoardConfig(
            board.id,
            board.soc_pct,
            capacity_J=bench.capacity_J,
            board=board.board,
            port=board.port,
            key=keys[board.id].hex(),
        )
        for board in bench.boards
    )
    async with launch(BenchConfig(boards, speed=bench.speed, seed=bench.seed), folder) as running:
        instruments = VirtualInstruments(bench, running)
        await instruments.prepare()
        host = Host(
            open_radio(running.transport), keys, bench.speed, 1, bench.limits.transfer_max_s
        )
        async with host.listening():
            yield OpenBench(bench, host, running.serial_ports, instruments)


@asynccontextmanager
async def _real(bench: BenchFile) -> AsyncIterator[OpenBench]:
    from hil_tests.real_bench import RealInstruments, find_ports

    ports = find_ports(bench)
    instruments = RealInstruments(bench, ports)
    if not ports:  # nothing then needs a radio or keys
        yield OpenBench(bench, Host(ReplayRadio([], BoardClock()), {}, 1.0, 1), {}, instruments)
        return
    keys = key_file.load(Path(bench.keys).expanduser())
    first_id = secrets.randbits(31) | 1
    radio = open_radio(adapter=bench.adapter)
    host = Host(radio, keys, 1.0, first_id, bench.limits.transfer_max_s)
    try:
        async with host.listening():
            yield OpenBench(bench, host, ports, instruments)
    finally:
        await instruments.close()
