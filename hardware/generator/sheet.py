# SPDX-License-Identifier: MIT
"""Circuit -> a drawn schematic's geometry: where symbols, wires and labels stand.

A build lists blocks, each with rows of references in the way of the energy or of the signal.
Neighbours whose facing first pins share a net get a wire; every other pin gets a label or a power
symbol, so a part that no block names costs looks and never correctness.
Lengths are millimetres on the sheet, y downwards.
"""

from dataclasses import dataclass, field
from math import ceil
from typing import Any

from generator.circuit import Circuit
from generator.source import HardwareError
from generator.symbols import CHAR_mm, GRID_mm, Symbol, symbol

POWER_NETS = ("GND", "3V3")
STUB_mm = GRID_mm
PAPERS_mm = (("A3", 420, 297), ("A2", 594, 420), ("A1", 841, 594))
MARGIN_mm, BLOCK_GAP_mm, TITLE_mm = 20.32, 10.16, 10.16
WIRE_mm = 12.7  # between two joined symbols, at least
FOOT_mm = 35.0  # title block at the lower edge


@dataclass(frozen=True)
class Label:
    """A net's name at (x, y); `angle`: 0 to the right, 90 upwards, 180 to the left."""

    net: str
    x_mm: float
    y_mm: float
    angle: int

    @property
    def long_mm(self) -> float:
        return label_mm(self.net)


@dataclass
class Sheet:
    symbols: dict[str, tuple[Symbol, float, float]] = field(default_factory=dict)
    wires: list[tuple[float, float, float, float]] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    power: list[tuple[str, float, float]] = field(default_factory=list)
    no_connects: list[tuple[float, float]] = field(default_factory=list)
    frames: list[tuple[str, float, float, float, float]] = field(default_factory=list)
    paper: str = ""


def sheet(circuit: Circuit, blocks: list[dict[str, Any]]) -> Sheet:
    """HardwareError when the circuit does not fit the largest paper."""
    named = [ref for block in blocks for row in block["rows"] for ref in row]
    shown = [
        {
            "title": b["title"],
            "rows": [[r for r in row if r in circuit.parts] for row in b["rows"]],
        }
        for b in blocks
    ]
    rest = [ref for ref in circuit.parts if ref not in named]
    if rest:
        rows = [rest[start : start + 6] for start in range(0, len(rest), 6)]
        shown.append({"title": "Other parts", "rows": rows})
    flags = [net for net in circuit.nets if _needs_flag(circuit, net)]
    for paper, width_mm, height_mm in PAPERS_mm:
        drawn = Sheet(paper=paper)
        if _placed(drawn, circuit, shown, flags, width_mm) <= height_mm - FOOT_mm:
            return drawn
    raise HardwareError([f"{circuit.board}: the circuit does not fit {PAPERS_mm[-1][0]}"])


def symbols(circuit: Circuit) -> dict[str, Symbol]:
    """Return the symbol of each reference."""
    return {ref: symbol(_name(circuit, ref), part) for ref, part in circuit.parts.items()}


def label_mm(net: str) -> float:
    """Length of a global label's box on the page."""
    return ceil((len(net) * CHAR_mm + 4) / GRID_mm) * GRID_mm


def _needs_flag(circuit: Circuit, net: str) -> bool:
    """Tell whether a net feeds supply pins but is fed by none: a fuse or a shunt feeds it."""
    types = {circuit.parts[ref].pins[pin] for ref, pin in circuit.nets[net]}
    return "power_in" in types and "power_out" not in types


def _placed(
    drawn: Sheet, circuit: Circuit, blocks: list[dict[str, Any]], flags: list[str], width_mm: float
) -> float:
    """Fill `drawn` from the top left, block by block; the lowest y that is used."""
    x_mm = y_mm = MARGIN_mm
    shelf_mm = 0.0
    for block in blocks:
        wide_mm, high_mm = _block(Sheet(), circuit, block, 0.0, 0.0)
        if x_mm > MARGIN_mm and x_mm + wide_mm > width_mm - MARGIN_mm:
            x_mm, y_mm, shelf_mm = MARGIN_mm, y_mm + shelf_mm + BLOCK_GAP_mm, 0.0
        if x_mm + wide_mm > width_mm - MARGIN_mm:
            return float("inf")
        _block(drawn, circuit, block, x_mm, y_mm)
        x_mm += wide_mm + BLOCK_GAP_mm
        shelf_mm = max(shelf_mm, high_mm)
    return _flags(drawn, flags, MARGIN_mm, y_mm + shelf_mm + BLOCK_GAP_mm)


def _flags(drawn: Sheet, flags: list[str], x_mm: float, y_mm: float) -> float:
    for net in flags:
        x_mm = _snapped(x_mm + label_mm(net) + 5)
        drawn.power.append(("PWR_FLAG", x_mm, _snapped(y_mm)))
        drawn.labels.append(Label(net, x_mm, _snapped(y_mm), 180))
    return y_mm + (10 if flags else 0)


def _block(
    drawn: Sheet, circuit: Circuit, block: dict[str, Any], x_mm: float, y_mm: float
) -> tuple[float, float]:
    """Draws one block with its upper left corner at (x, y); its width and height."""
    wide_mm = len(block["title"]) * 1.6 + 5
    bottom_mm = y_mm + TITLE_mm
    for refs in filter(None, block["rows"]):
        row = [symbol(_name(circuit, ref), circuit.parts[ref]) for ref in refs]
        headroom_mm = max((label_mm(net) for net in _joints(circuit, refs, row) if net), default=0)
        spine_mm = _snapped(bottom_mm + max(headroom_mm, 7.62) + 2.54)
        end_mm = _row(drawn, circuit, refs, row, x_mm + 2.54, spine_mm)
        wide_mm = max(wide_mm, end_mm - x_mm + 2.54)
        bottom_mm = spine_mm + max(one.rows for one in row) * GRID_mm + 7.62
    drawn.frames.append((block["title"], x_mm, y_mm, wide_mm, bottom_mm - y_mm))
    return wide_mm, bottom_mm - y_mm


def _joints(circuit: Circuit, refs: list[str], row: list[Symbol]) -> list[str]:
    """For each neighbourhood of a row the net that joins the facing first pins, "" if none."""
    nets = []
    for index in range(len(refs) - 1):
        right, left = row[index].right[:1], row[index + 1].left[:1]
        one = circuit.net_of(refs[index], right[0]) if right else ""
        two = circuit.net_of(refs[index + 1], left[0]) if left else "-"
        nets.append(one if one == two and one not in POWER_NETS else "")
    return nets


def _row(
    drawn: Sheet, circuit: Circuit, refs: list[str], row: list[Symbol], x_mm: float, y_mm: float
) -> float:
    """Draws one row on its spine; the x behind its last label."""
    joints = ["", *_joints(circuit, refs, row), ""]
    for index, (ref, one) in enumerate(zip(refs, row, strict=True)):
        before, after = joints[index], joints[index + 1]
        left = [pin for pin in one.left if not (before and pin == one.left[0])]
        right = [pin for pin in one.right if not (after and pin == one.right[0])]
        x_mm = _snapped(x_mm + _room_mm(circuit, ref, left) + one.half_mm + GRID_mm)
        drawn.symbols[ref] = (one, x_mm, y_mm)
        if before:
            previous, from_mm, _ = drawn.symbols[refs[index - 1]]
            start_mm, end_mm = (
                from_mm + previous.end(previous.right[0])[0],
                x_mm + one.end(one.left[0])[0],
            )
            drawn.wires.append((start_mm, y_mm, end_mm, y_mm))
            middle_mm = _snapped((start_mm + end_mm) / 2)
            drawn.labels.append(Label(before, middle_mm, y_mm, 90))
        for pin in left + right:
            _stub(drawn, circuit, ref, pin)
        gap_mm = max(_room_mm(circuit, ref, right) + 2.54, WIRE_mm if after else 0.0)
        x_mm += one.half_mm + GRID_mm + gap_mm
    return x_mm


def _room_mm(circuit: Circuit, ref: str, pins: list[str]) -> float:
    """Return the room that the labels at one side of a symbol need."""
    nets = [circuit.net_of(ref, pin) for pin in pins if (ref, pin) not in circuit.unused]
    return STUB_mm + max([label_mm(net) for net in nets], default=0.0)


def _stub(drawn: Sheet, circuit: Circuit, ref: str, pin: str) -> None:
    """Draw a short wire with a label or a power symbol; a cross for a pin that is left open.

    A power symbol stands only where nothing is above (3V3) or below it (GND) on that side.
    """
    one, at_mm, spine_mm = drawn.symbols[ref]
    column = one.left if pin in one.left else one.right
    side = -1 if pin in one.left else 1
    x_mm, y_mm = at_mm + one.end(pin)[0], spine_mm + one.end(pin)[1]
    if (ref, pin) in circuit.unused:
        drawn.no_connects.append((x_mm, y_mm))
        return
    net = circuit.net_of(ref, pin)
    end_mm = x_mm + side * STUB_mm
    drawn.wires.append((x_mm, y_mm, end_mm, y_mm))
    free = pin == (column[-1] if net == "GND" else column[0])
    if net in POWER_NETS and free:
        drawn.power.append((net, end_mm, y_mm))
    else:
        drawn.labels.append(Label(net, end_mm, y_mm, 0 if side > 0 else 180))


def _name(circuit: Circuit, ref: str) -> str:
    """Return the symbol's name; a microcontroller's depends on the board's pins in use."""
    return f"mcu-{circuit.board}" if ref == "U1" else circuit.parts[ref].name


def _snapped(value_mm: float) -> float:
    """On the grid that pins and wires share."""
    return round(ceil(round(value_mm / GRID_mm, 6)) * GRID_mm, 2)
