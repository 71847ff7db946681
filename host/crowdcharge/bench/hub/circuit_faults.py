# SPDX-License-Identifier: MIT
"""Single faults of a board's circuit, after hardware/effects.toml: name -> what it does.

A part is open or shorted, a reading frozen, a pin stuck (hub/faults.py: rules of parameters).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from crowdcharge.bench.physics import breaks
from crowdcharge.errors import InputError

if TYPE_CHECKING:
    from crowdcharge.bench.board.truth import MeterTruth
    from crowdcharge.bench.board.virtual_board import VirtualBoard
    from crowdcharge.bench.hub.hub import Hub

_Handler = Callable[..., None]
_LEVELS = {"low": 0, "high": 1}


def meter(board: VirtualBoard, side: str) -> MeterTruth:
    """Return one meter's faults; InputError if there is no such side."""
    if side not in board.page.meters:
        raise InputError(f"a board has no meter {side!r}; it has tx and rx")
    return board.page.meters[side]


def need_gauge(board: VirtualBoard) -> None:
    """Raise InputError unless a gauge is fitted."""
    if not board.has_gauge:
        raise InputError(f"board {board.config.id} has no fuel gauge")


def _mark(into: set[str], names: tuple[str, ...], on: bool) -> None:
    """Add names to a set of single faults, or take them out."""
    (into.update if on else into.difference_update)(names)


def _one_of(fault: str, which: str, known: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    if which not in known:
        raise InputError(f"{fault}: which must be {' or '.join(known)}")
    return known[which]


_BREAKS = {breaks.FIRST: (breaks.FIRST,), breaks.SECOND: (breaks.SECOND,)}
_BOTH = {**_BREAKS, "both": (breaks.FIRST, breaks.SECOND)}
_SWITCHES = {name: (name,) for name in breaks.SWITCHES}
_CUTS = {name: (name,) for name in breaks.CUTS}


def _stuck_switch(_hub: Hub, board: VirtualBoard, *, which: str = "both", on: bool = True) -> None:
    """A break of the transmitter's supply, first, second or both, conducts whatever it is told."""
    _mark(board.breaks.stuck, _one_of("stuck-switch", which, _BOTH), on)


def _open_switch(_hub: Hub, board: VirtualBoard, *, which: str = "first", on: bool = True) -> None:
    """A break of the transmitter's supply, first or second, never conducts."""
    _mark(board.breaks.open, _one_of("open-switch", which, _BREAKS), on)


def _stuck_receiver(_hub: Hub, board: VirtualBoard, *, on: bool = True) -> None:
    """The receiver's output switch conducts regardless of its enable pin."""
    _mark(board.breaks.stuck, (breaks.RECEIVER,), on)


def _open_receiver(_hub: Hub, board: VirtualBoard, *, on: bool = True) -> None:
    """The receiver's output switch never conducts."""
    _mark(board.breaks.open, (breaks.RECEIVER,), on)


def _interlock_lost(
    _hub: Hub, board: VirtualBoard, *, which: str = "first", on: bool = True
) -> None:
    """Cable, field and opposite role no longer hold a switch off: first, second or receiver."""
    _mark(board.breaks.unlocked, _one_of("interlock-lost", which, _SWITCHES), on)


def _cut_lost(_hub: Hub, board: VirtualBoard, *, which: str = "coil", on: bool = True) -> None:
    """The cut without firmware for a hot coil, or for an empty cell, does not act."""
    _mark(board.breaks.lost_cuts, _one_of("cut-lost", which, _CUTS), on)


def _pin_stuck(
    _hub: Hub, board: VirtualBoard, *, pin: str = "button", level: str = "low", on: bool = True
) -> None:
    """A pin of the microcontroller stays at a level: cable_sense, button or led."""
    if pin not in {"cable_sense", "button", "led"} or level not in _LEVELS:
        raise InputError(
            "pin-stuck: pin must be cable_sense, button or led, and level low or high"
        )
    wired = getattr(board.wiring, pin)
    if on:
        board.stuck_pins[wired] = _LEVELS[level]
    else:
        board.stuck_pins.pop(wired, None)


def _bus_open(_hub: Hub, board: VirtualBoard, *, on: bool = True) -> None:
    """The wires of the meters' bus come off: no chip answers, no pull-up holds them high."""
    board.bus_open = on


def _no_change(_hub: Hub, _board: VirtualBoard) -> None:
    """A part fails that no reading and no switch depends on."""


def _reading_frozen(
    _hub: Hub, board: VirtualBoard, *, which: str = "coil", on: bool = True
) -> None:
    """The thermistor of the coil or of the battery keeps the value that it has now."""
    lumps = {"coil": board.node.coil, "battery": board.node.battery}
    if which not in lumps:
        raise InputError("reading-frozen: which must be coil or battery")
    if on:
        board.broken_ntcs[which] = board.ntc_share(lumps[which].temperature_C)
    else:
        board.broken_ntcs.pop(which, None)


def _gauge_frozen(_hub: Hub, board: VirtualBoard, *, on: bool = True) -> None:
    """The fuel gauge answers, but always the same."""
    need_gauge(board)
    board.gauge.freeze(on)


def _shunt_bridged(_hub: Hub, board: VirtualBoard, *, side: str = "tx", on: bool = True) -> None:
    """A short across one meter's shunt: its meter reads no current."""
    meter(board, side)
    board.shunts[side].bridged = on


def _ripple(
    _hub: Hub, board: VirtualBoard, *, side: str = "tx", current_mA: float = 200.0
) -> None:
    """While current flows through a meter, up to this much is added or taken at each look."""
    meter(board, side)
    if not 0 <= current_mA <= 1000:
        raise InputError("ripple: current_mA must be 0 to 1000")
    board.ripple_A[side] = current_mA / 1000


CIRCUIT_FAULTS: dict[str, _Handler] = {
    "bus-open": _bus_open,
    "cut-lost": _cut_lost,
    "gauge-frozen": _gauge_frozen,
    "interlock-lost": _interlock_lost,
    "no-change": _no_change,
    "open-receiver": _open_receiver,
    "open-switch": _open_switch,
    "pin-stuck": _pin_stuck,
    "reading-frozen": _reading_frozen,
    "ripple": _ripple,
    "shunt-bridged": _shunt_bridged,
    "stuck-receiver": _stuck_receiver,
    "stuck-switch": _stuck_switch,
}
