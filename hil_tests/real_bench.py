# SPDX-License-Identifier: MIT
"""The instruments of a real bench; not yet run on hardware, but see test_real_bench.py.

A thread reads the reference meters while the bench is open. Actions are commands of the bench
file, run as they are written: uhubctl, usbrelay, or any other.
"""

import asyncio
import importlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

import serial
from hil_tests.benchfile import BenchFile, Reference
from hil_tests.instruments import LOAD, REFERENCE
from hil_tests.reference import Record, ReferenceBank
from hil_tests.scpi import Load, Supply
from serial.tools import list_ports

_ACTION_s = 30.0
_SETTLE_s = 0.5
_TAIL = 2000


def find_ports(
    bench: BenchFile, plugged: Callable[[], Iterable[Any]] = list_ports.comports
) -> dict[int, str]:
    """Find the plugged-in boards by USB serial number; return board -> serial port."""
    there = {port.serial_number: port.device for port in plugged()}
    return {board.id: there[board.usb] for board in bench.boards if board.usb in there}


def valid(references: tuple[Reference, ...], today: date) -> tuple[Reference, ...]:
    """Return the references whose calibration has not expired."""
    return tuple(each for each in references if each.expires >= today)


def _blinka_bus() -> object:
    board = importlib.import_module("board")  # Blinka's module, on the bench's computer only
    busio = importlib.import_module("busio")
    bus: object = busio.I2C(board.SCL, board.SDA)
    return bus


class RealInstruments:
    def __init__(
        self,
        bench: BenchFile,
        ports: dict[int, str],
        bus: Callable[[], object] = _blinka_bus,
        today: date | None = None,
    ) -> None:
        self._bench, self._ports = bench, ports
        self._start_s = time.monotonic()
        self._references = valid(bench.references, today or date.today())
        self._undo: dict[tuple[int, str], list[str]] = {}
        self._bank: ReferenceBank | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        if ports and self._references:
            self._bank = ReferenceBank(bus(), self._references, self._now_s)
            self._thread.start()

    @property
    def features(self) -> frozenset[str]:
        """Names what the bench has; an action counts if every board has it."""
        boards = [set(board.actions) for board in self._bench.boards]
        found = set.intersection(*boards) if boards else set()
        if self._references:
            found.add(REFERENCE)
        if self._bench.supply and self._bench.load and {"load-tx", "load-rx"} <= found:
            found.add(LOAD)
        return frozenset(found)

    async def time_s(self) -> float:
        return self._now_s()

    async def energy_J(self, board: int, side: str) -> float:
        return self._record(board, side).energy_J

    async def power_W(self, board: int, side: str) -> float:
        return self._record(board, side).power_W

    async def coil_changes(self, board: int, since_s: float) -> list[tuple[float, bool]]:
        edges = self._record(board, "tx").edges
        return [(time_s, on) for time_s, on in edges if time_s >= since_s]

    async def load_mA(self, board: int, side: str, current_mA: float) -> float:
        """Put supply and load into this lead by the board's action "load-tx" or "load-rx".

        The supply's current limit is 10 % higher, so that a shorted load burns no shunt.
        """
        limits, supply, load = self._bench.limits, self._bench.supply, self._bench.load
        assert supply
        assert load
        if current_mA > limits.load_max_mA:
            raise ValueError(f"this bench allows {limits.load_max_mA:g} mA, not {current_mA:g}")

        def work() -> float:
            with Supply(supply) as source, Load(load) as sink:
                sink.draw(current_mA / 1000)
                if current_mA > 0:
                    source.on(limits.supply_V, current_mA * 1.1 / 1000)
                else:
                    source.off()
                time.sleep(_SETTLE_s)
                return sink.current_A() * 1000 if current_mA > 0 else 0.0

        if current_mA > 0:
            await self.act(board, f"load-{side}")
        shown_mA = await asyncio.to_thread(work)
        if current_mA == 0:
            await self.act(board, f"load-{side}", on=False)
        own = (board, side) in {(each.board, each.side) for each in self._references}
        return self._record(board, side).current_A * 1000 if own else shown_mA

    async def act(self, board: int, action: str, on: bool = True) -> None:
        commands = self._bench.board(board).actions[action]
        self._undo[board, action] = commands["off"]
        if not on:
            del self._undo[board, action]
        await asyncio.to_thread(_run, commands["on" if on else "off"])

    async def place(self, donor: int, receiver: int, gap_mm: float, offset_mm: float) -> None:
        """Do nothing: the pairs lie as the bench file says."""

    async def charge(self, board: int, soc_pct: float) -> None:
        raise NotImplementedError("this bench has no battery emulator")

    async def rest(self) -> None:
        while self._undo:
            _, command = self._undo.popitem()
            await asyncio.to_thread(_run, command)

    def console_tail(self, board: int) -> str:
        """Read what waits in the port's buffer: the firmware prints only answers and errors."""
        try:
            with serial.Serial(self._ports[board], timeout=0.2) as port:
                return bytes(port.read(_TAIL)).decode("utf-8", "replace")
        except OSError as error:
            return f"(no console: {error})"

    async def close(self) -> None:
        await self.rest()
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _now_s(self) -> float:
        return time.monotonic() - self._start_s

    def _record(self, board: int, side: str) -> Record:
        if self._bank is None or (board, side) not in self._bank.records:
            raise LookupError(f"no reference meter at board {board}, {side}")
        return self._bank.records[board, side]

    def _watch(self) -> None:
        assert self._bank
        while not self._stopping.wait(0.001):
            self._bank.poll()


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_ACTION_s)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
