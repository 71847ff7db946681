# SPDX-License-Identifier: MIT
"""The bench's instruments and actions, the same on a virtual and on a real bench.

What a test asserts is measured here, never only reported by the firmware. `features` names what
the bench has; `feature(...)` in a test names what it needs.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from hil_tests.benchfile import BenchFile

if TYPE_CHECKING:
    from crowdcharge.bench.hub.client import Control

REFERENCE, LOAD = "reference", "load"


class Instruments(Protocol):
    """A bench's instruments. Sides are "tx" and "rx"; times are board seconds since the start."""

    @property
    def features(self) -> frozenset[str]: ...

    async def time_s(self) -> float: ...

    async def energy_J(self, board: int, side: str) -> float:
        """Energy that has flowed through this side's lead so far."""
        ...

    async def power_W(self, board: int, side: str) -> float: ...

    async def coil_changes(self, board: int, since_s: float) -> list[tuple[float, bool]]:
        """(time, on) of each switching of the transmitter."""
        ...

    async def load_mA(self, board: int, side: str, current_mA: float) -> float:
        """Set the load on one meter's shunt; return what the reference shows, in mA."""
        ...

    async def act(self, board: int, action: str, on: bool = True) -> None:
        """Do or undo an action: cut the power, put a coin on the coil, take the board away."""
        ...

    async def place(self, donor: int, receiver: int, gap_mm: float, offset_mm: float) -> None: ...

    async def charge(self, board: int, soc_pct: float) -> None:
        """Set the battery's charge (by a battery emulator); feature "battery"."""
        ...

    async def rest(self) -> None:
        """Undoes all actions."""
        ...

    def console_tail(self, board: int) -> str: ...

    async def close(self) -> None: ...


# action -> (fault on, parameters), (fault off, parameters) of the virtual bench
ACTIONS: dict[str, tuple[tuple[str, Mapping[str, Any]], tuple[str, Mapping[str, Any]]]] = {
    "power-cut": (("kill", {}), ("power-on", {})),
    "radio-cut": (("link-drop", {}), ("link-drop", {"on": False})),
    "hot-coil": (("hot-coil", {}), ("hot-coil", {"on": False})),
    "coin": (("foreign-object", {"power_W": 0.8}), ("foreign-object", {"power_W": 0.0})),
    "cable": (("cable", {}), ("cable", {"on": False})),
    "meter-cut": (("meter-dead", {}), ("meter-dead", {"on": False})),
    "stuck-switch": (("stuck-switch", {}), ("stuck-switch", {"on": False})),
}


class VirtualInstruments:
    """Plant and witness of the virtual bench, over the hub's control socket."""

    features = frozenset({REFERENCE, LOAD, "geometry", "battery", "pin-witness", *ACTIONS})

    def __init__(self, bench: BenchFile, running: Any) -> None:
        self._bench = bench
        self._running = running
        self._control: Control = running.control
        self._undo: dict[tuple[object, ...], tuple[str, int, Mapping[str, Any]]] = {}

    async def prepare(self) -> None:
        """Set the shunts' errors of the bench file."""
        for board in self._bench.boards:
            for side, ppm in board.shunt_ppm.items():
                await self._control.fault("shunt", board.id, side=side, ppm=ppm)

    async def time_s(self) -> float:
        now_s: float = (await self._control.status())["time_s"]
        return now_s

    async def energy_J(self, board: int, side: str) -> float:
        key = {"tx": "sent_J", "rx": "received_J"}[side]
        energy_J: float = (await self._control.board(board))[key]
        return energy_J

    async def power_W(self, board: int, side: str) -> float:
        power_W: float = (await self._control.board(board))[f"{side}_W"]
        return power_W

    async def coil_changes(self, board: int, since_s: float) -> list[tuple[float, bool]]:
        seen = await self._control.witness(since_s, board)
        return [
            (change["time_s"], change["on"])
            for change in seen["changes"]
            if change["coil"] == "tx"
        ]

    async def load_mA(self, board: int, side: str, current_mA: float) -> float:
        none = {"side": side, "current_mA": 0.0}
        self._undo["load", board, side] = ("load", board, none)
        await self._control.fault("load", board, side=side, current_mA=current_mA)
        return current_mA

    async def act(self, board: int, action: str, on: bool = True) -> None:
        fault, parameters = ACTIONS[action][0 if on else 1]
        self._undo[action, board] = (ACTIONS[action][1][0], board, ACTIONS[action][1][1])
        await self._control.fault(fault, board, **parameters)

    async def place(self, donor: int, receiver: int, gap_mm: float, offset_mm: float) -> None:
        geometry = {"gap_mm": gap_mm, "offset_mm": offset_mm}
        await self._control.fault("move", donor, peer=receiver, **geometry)

    async def charge(self, board: int, soc_pct: float) -> None:
        before = {"soc_pct": self._bench.board(board).soc_pct}
        self._undo["charge", board] = ("soc", board, before)
        await self._control.fault("soc", board, soc_pct=soc_pct)

    async def rest(self) -> None:
        while self._undo:
            _, (fault, board, parameters) = self._undo.popitem()
            await self._control.fault(fault, board, **parameters)

    def console_tail(self, board: int) -> str:
        data: bytes = self._running.console_logs[board].read_bytes()
        return data[-2000:].decode("utf-8", "replace")

    async def close(self) -> None:
        """Do nothing: all instruments end with the hub."""
