# SPDX-License-Identifier: MIT
"""Every fault, and everything a hand may do on the bench: name -> what it does to one board.

A parameter has the type of its default. A fault with the parameter `on` is undone by on=false.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from crowdcharge.bench.hub.circuit_faults import CIRCUIT_FAULTS, meter, need_gauge
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.bench.proxies.faults import FAULTS as PROXY_FAULTS
from crowdcharge.errors import InputError

if TYPE_CHECKING:
    from crowdcharge.bench.board.virtual_board import VirtualBoard
    from crowdcharge.bench.hub.hub import Hub

_Handler = Callable[..., None]
FAULTS: dict[str, _Handler] = dict(CIRCUIT_FAULTS)
_BROKEN_SHARE = {"open": 1.0, "short": 0.0}  # of the supply, at an NTC to ground with a pull-up
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def _fault(name: str) -> Callable[[_Handler], _Handler]:
    def register(handler: _Handler) -> _Handler:
        FAULTS[name] = handler
        return handler

    return register


def every() -> dict[str, _Handler]:
    """Return the faults of boards and those of proxies."""
    return FAULTS | PROXY_FAULTS


def parameters(name: str) -> dict[str, Any]:
    """The parameters of a fault with their defaults."""
    handler = every()[name]
    return {
        parameter.name: parameter.default
        for parameter in inspect.signature(handler).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    }


def apply(hub: Hub, name: str, number: int, given: dict[str, Any]) -> None:
    """Checks names and types and does the fault; an `InputError` is one line for the user."""
    if name not in every():
        raise InputError(f"unknown fault {name!r}; known are {', '.join(sorted(every()))}")
    what, there = ("board", hub.boards) if name in FAULTS else ("proxy", hub.proxies)
    if number not in there:
        raise InputError(f"there is no {what} {number} on this bench")
    known = parameters(name)
    values = {key: _convert(name, key, value, known) for key, value in given.items()}
    if name in FAULTS:
        FAULTS[name](hub, hub.boards[number], **values)
    else:
        PROXY_FAULTS[name](hub.proxies[number], **values)


def _convert(name: str, key: str, value: Any, known: dict[str, Any]) -> Any:
    if key not in known:
        takes = ", ".join(known) or "no parameter"
        raise InputError(f"{name} does not take {key!r}; it takes {takes}")
    kind = type(known[key])
    try:
        if kind is bool and isinstance(value, str):
            return {"true": True, "false": False}[value.lower()]
        return kind(value)
    except (KeyError, ValueError, TypeError):
        raise InputError(f"{name}: {key} must be {_KINDS[kind]}, not {value!r}") from None


# Power and processor


@_fault("kill")
def _kill(_hub: Hub, board: VirtualBoard) -> None:
    """The board loses its power and stays off."""
    board.power_off("power lost")


@_fault("power-on")
def _power_on(_hub: Hub, board: VirtualBoard) -> None:
    """The board gets its power back."""
    board.power_on()


@_fault("brown-out")
def _brown_out(hub: Hub, board: VirtualBoard, *, off_s: float = 0.1) -> None:
    """The supply fails for `off_s` bench seconds; chips on the bus lose their registers."""
    board.power_off("brown-out")
    asyncio.get_running_loop().call_later(off_s / hub.clock.speed, board.reset, "brown-out")


@_fault("torn-write")
def _torn_write(_hub: Hub, board: VirtualBoard, *, after_bytes: int = 0) -> None:
    """The supply fails after `after_bytes` more have gone to flash, in the middle of a write."""
    if board.config.storage != "littlefs" and board.config.port != "circuitpython":
        raise InputError(f'torn-write: board {board.config.id} needs storage = "littlefs"')
    if after_bytes < 0:
        raise InputError("torn-write: after_bytes must not be below 0")
    board.hardware.flash_left = after_bytes


@_fault("reset")
def _reset(_hub: Hub, board: VirtualBoard) -> None:
    """Somebody presses the reset button."""
    board.reset("reset")


@_fault("freeze")
def _freeze(_hub: Hub, board: VirtualBoard) -> None:
    """The processor hangs until `thaw` or its watchdog."""
    board.freeze()


@_fault("thaw")
def _thaw(_hub: Hub, board: VirtualBoard) -> None:
    """The frozen processor goes on where it was."""
    board.thaw()


@_fault("clock-jump")
def _clock_jump(_hub: Hub, board: VirtualBoard, *, seconds: float = 3600.0) -> None:
    """The board's time.time() jumps; its ticks do not."""
    board.clock_jump_s += seconds


# Radio


@_fault("link-drop")
def _link_drop(hub: Hub, board: VirtualBoard, *, on: bool = True) -> None:
    """The board and the hosts no longer hear each other."""
    hub.cut(board, on)


@_fault("packet-loss")
def _packet_loss(hub: Hub, board: VirtualBoard, *, share: float = 0.1) -> None:
    """This share of the packets from and to the board is lost."""
    hub.loss[board.address] = share


@_fault("packet-duplication")
def _duplication(hub: Hub, board: VirtualBoard, *, share: float = 0.1) -> None:
    """This share of the board's adverts is reported twice."""
    hub.duplication[board.address] = share


@_fault("rssi")
def _rssi(hub: Hub, board: VirtualBoard, *, rssi_dBm: float = -90.0) -> None:
    """The board is heard at this signal strength."""
    hub.rssi_dBm[board.address] = rssi_dBm


@_fault("walk")
def _walk(hub: Hub, board: VirtualBoard, *, x_m: float = 0.0, y_m: float = 0.0) -> None:
    """Somebody carries the board to another place; who lies on whom does not change."""
    hub.walk(board, x_m, y_m)


# Meters and gauge


@_fault("meter-dead")
def _meter_dead(_hub: Hub, board: VirtualBoard, *, side: str = "tx", on: bool = True) -> None:
    """The meter does not answer."""
    meter(board, side).dead = on


@_fault("meter-overflow")
def _meter_overflow(_hub: Hub, board: VirtualBoard, *, side: str = "tx", on: bool = True) -> None:
    """The meter sets its overflow flag."""
    meter(board, side).overflow = on


@_fault("meter-stuck")
def _meter_stuck(_hub: Hub, board: VirtualBoard, *, side: str = "tx", on: bool = True) -> None:
    """The meter converts, but always to the same value."""
    meter(board, side).stuck = on


@_fault("meter-calibration")
def _meter_calibration(_hub: Hub, board: VirtualBoard, *, side: str = "tx") -> None:
    """A glitch resets the meter: configuration and calibration are gone, once."""
    meter(board, side).resets += 1


@_fault("meter-jump")
def _meter_jump(
    _hub: Hub, board: VirtualBoard, *, side: str = "tx", current_A: float = 3.0
) -> None:
    """The meter's next conversion reads `current_A`, once."""
    found = meter(board, side)
    found.glitch_uV = round(current_A * board.wiring.shunt_Ohm * 1e6)
    found.glitches += 1


@_fault("bus-voltage")
def _bus_voltage(
    _hub: Hub, board: VirtualBoard, *, side: str = "tx", voltage_V: float = 2.5, on: bool = True
) -> None:
    """One meter's bus is held at a voltage."""
    meter(board, side)
    if on:
        board.held_bus_V[side] = voltage_V
    else:
        board.held_bus_V.pop(side, None)


@_fault("sensor")
def _sensor(
    _hub: Hub, board: VirtualBoard, *, which: str = "coil", broken: str = "open", on: bool = True
) -> None:
    """A thermistor's wire breaks (open), or its two wires touch (short)."""
    if which not in {"coil", "battery"} or broken not in _BROKEN_SHARE:
        raise InputError("sensor: which must be coil or battery, broken open or short")
    if on:
        board.broken_ntcs[which] = _BROKEN_SHARE[broken]
    else:
        board.broken_ntcs.pop(which, None)


@_fault("gauge-lost")
def _gauge_lost(_hub: Hub, board: VirtualBoard, *, on: bool = True) -> None:
    """The fuel gauge does not answer."""
    need_gauge(board)
    board.gauge.lost = on


@_fault("gauge-reset")
def _gauge_reset(_hub: Hub, board: VirtualBoard) -> None:
    """The fuel gauge starts anew, as after a glitch of its supply, and guesses the charge."""
    need_gauge(board)
    board.gauge.cell_fitted()


@_fault("cell-swap")
def _cell_swap(hub: Hub, board: VirtualBoard, *, soc_pct: float = 50.0) -> None:
    """Somebody fits another cell: the board loses power, and the fuel gauge starts anew."""
    need_gauge(board)
    board.power_off("cell taken out")
    _soc(hub, board, soc_pct=soc_pct)
    board.node.relax_V = 0.0
    board.gauge.cell_fitted()
    board.power_on()


@_fault("load")
def _load(_hub: Hub, board: VirtualBoard, *, side: str = "tx", current_mA: float = 0.0) -> None:
    """A bench supply and a load send this current through one meter's shunt only."""
    meter(board, side)
    if abs(current_mA) > 3200:
        raise InputError("load: current_mA must be within 3200, what the shunt bears")
    board.load_A[side] = current_mA / 1000


@_fault("qi-end")
def _qi_end(_hub: Hub, board: VirtualBoard, *, reason: int = 9) -> None:
    """The Qi chip ends power for `reason`, a bit of its EPT reason (9: internal fault)."""
    if board.qi_chip is None:
        raise InputError(f"board {board.config.id} has no Qi chip with a bus")
    board.qi_chip.trip(reason)


@_fault("qi-locked")
def _qi_locked(_hub: Hub, board: VirtualBoard, *, on: bool = True) -> None:
    """The Qi chip stops answering; the field stays as it is."""
    if board.qi_chip is None:
        raise InputError(f"board {board.config.id} has no Qi chip with a bus")
    board.qi_chip.locked = on


@_fault("shunt")
def _shunt(_hub: Hub, board: VirtualBoard, *, side: str = "tx", ppm: float = 0.0) -> None:
    """One meter's shunt is off its nominal value; a 1 % resistor may be off by 10000 ppm."""
    meter(board, side)
    if abs(ppm) > 100_000:
        raise InputError("shunt: ppm must be within 100000")
    board.shunts[side].error_ppm = ppm


# Plant


@_fault("foreign-object")
def _foreign_object(_hub: Hub, board: VirtualBoard, *, power_W: float = 0.5) -> None:
    """A coin on the transmitter coil takes `power_W` from the field; 0 removes the coin."""
    board.node.foreign_W = power_W


@_fault("hot-coil")
def _hot_coil(
    _hub: Hub, board: VirtualBoard, *, temperature_C: float = 80.0, on: bool = True
) -> None:
    """The coil is held at a temperature."""
    board.node.coil.held_C = temperature_C if on else None


@_fault("hot-battery")
def _hot_battery(
    _hub: Hub, board: VirtualBoard, *, temperature_C: float = 60.0, on: bool = True
) -> None:
    """The battery is held at a temperature."""
    board.node.battery.held_C = temperature_C if on else None


@_fault("cable")
def _cable(_hub: Hub, board: VirtualBoard, *, on: bool = True) -> None:
    """The board's USB cable is plugged in."""
    board.node.cable = on


@_fault("button")
def _button(_hub: Hub, board: VirtualBoard, *, down: bool = True) -> None:
    """A finger goes down on the board's button, or up again."""
    if board.wiring.button == "-1":
        raise InputError(f"button: board {board.config.id} ({board.config.board}) has none")
    board.button_down = down


@_fault("soc")
def _soc(_hub: Hub, board: VirtualBoard, *, soc_pct: float = 50.0) -> None:
    """The cell's charge is set, and the fuel gauge has followed; `cell-swap` is less kind."""
    if not 0 <= soc_pct <= 100:
        raise InputError("soc: soc_pct must be 0 to 100")
    board.node.set_soc(soc_pct / 100)


@_fault("move")
def _move(
    hub: Hub,
    board: VirtualBoard,
    *,
    peer: int = 0,
    gap_mm: float = 3.0,
    offset_mm: float = 0.0,
) -> None:
    """The board is laid on `peer`, and all contacts are held; peer=0 takes it away."""
    if peer == 0:
        hub.arrangement.part(hub.clock.now_s(), board.config.id)
    elif peer == board.config.id or peer not in hub.boards:
        raise InputError(f"move: board {board.config.id} cannot lie on board {peer}")
    else:
        contact = Placement((board.config.id, peer), gap_mm, offset_mm)
        hub.arrangement.move(hub.clock.now_s(), contact)
    hub.arrange()
