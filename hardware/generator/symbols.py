# SPDX-License-Identifier: MIT
"""A part -> a KiCad symbol: a box whose pins stand in two columns, the way of the energy on top.

Lengths are millimetres. In a symbol y points up, on a sheet down.
"""

from dataclasses import dataclass
from math import ceil

from generator.circuit import Part

GRID_mm = 2.54
CHAR_mm = 1.1  # width of a character of 1.27 mm
FONT = "(effects (font (size 1.27 1.27)))"
HIDDEN = "(effects (font (size 1.27 1.27)) (hide yes))"
# Start of a part's name -> (left pins, right pins), where pin types would not place them well.
COLUMNS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ina2": (("VIN+", "VCC", "GND"), ("VIN-", "SDA", "SCL")),
    "tps22918": (("VIN", "ON", "GND"), ("VOUT", "QOD", "CT")),
    "boost": (("VIN", "GND"), ("5V",)),
    "charger": (("VBUS", "GND"), ("LIPO",)),
    "lipo": (("-",), ("+",)),
    "bq500211": (("5V", "GND"), ()),
    "steval-wbc": (("5V", "GND"), ("SDA", "SCL", "RST")),
    "bq51013": (("GND",), ("OUT",)),
    "steval-wlc": (("SDA", "SCL", "GND"), ("OUT",)),
    "schottky-pair": (("A1", "A2"), ("K",)),
    "schottky-series": (("M", "A"), ("K",)),
    "led": (("A",), ("K",)),
    "nmos": (("G",), ("D", "S")),
    "comparator": (("VDD", "INA+", "INA-", "INB+", "INB-", "VSS"), ("OUTA", "OUTB")),
    "undervoltage": (("VDD", "GND"), ("RESET",)),
    "max17048": (("VBAT", "GND"), ("SDA", "SCL")),
}
LETTERS = (
    ("r-", "R"),
    ("c-", "C"),
    ("nmos", "Q"),
    ("schottky", "D"),
    ("led", "D"),
    ("ntc", "TH"),
    ("fuse", "F"),
    ("lipo", "BT"),
    ("button", "SW"),
    ("xh-", "J"),
)


@dataclass(frozen=True)
class Symbol:
    """`left`, `right`: pin names from the top; the first ones lie at the symbol's origin."""

    name: str
    part: Part
    left: tuple[str, ...]
    right: tuple[str, ...]

    @property
    def small(self) -> bool:
        """Two numbered terminals: no pin names, a short body."""
        return all(pin.isdigit() for pin in self.part.pins)

    @property
    def half_mm(self) -> float:
        """From the middle to the side of the body."""
        if self.small:
            return GRID_mm
        longest = [max(map(len, side), default=0) for side in (self.left, self.right)]
        return GRID_mm * max(2, ceil((sum(longest) * CHAR_mm / 2 + 2) / GRID_mm))

    @property
    def rows(self) -> int:
        return max(len(self.left), len(self.right))

    def end(self, pin: str) -> tuple[float, float]:
        """Where a pin is connected, from the origin, y downwards."""
        if pin in self.left:
            return -self.half_mm - GRID_mm, self.left.index(pin) * GRID_mm
        return self.half_mm + GRID_mm, self.right.index(pin) * GRID_mm


def symbol(name: str, part: Part) -> Symbol:
    for prefix, (left, right) in COLUMNS.items():
        if part.name.startswith(prefix):
            return Symbol(name, part, left, right)
    if len(part.pins) == 2:
        one, two = part.pins
        return Symbol(name, part, (one,), (two,))
    inputs = [pin for pin, kind in part.pins.items() if kind == "input"]
    grounds = [pin for pin, kind in part.pins.items() if kind == "power_in"]
    left = (*inputs, *grounds)
    right = tuple(pin for pin in part.pins if pin not in left)
    return Symbol(name, part, left, right)


def definition(one: Symbol, prefix: str = "") -> str:
    """Return the symbol's text in a library, or in a sheet after the library's name."""
    top_mm, bottom_mm = GRID_mm, -GRID_mm * one.rows
    if one.small:
        top_mm, bottom_mm = 1.02, -1.02
    hide = (
        "(pin_numbers (hide yes)) (pin_names (hide yes))"
        if one.small
        else "(pin_names (offset 0.5))"
    )
    lines = [
        f'(symbol "{prefix}{one.name}" {hide} (exclude_from_sim no) (in_bom yes) (on_board yes)',
        f'  (property "Reference" "{letters(one.part)}" (at 0 {top_mm + 2.54:g} 0) {FONT})',
        f'  (property "Value" "{one.part.value}" (at 0 {bottom_mm - 1.27:g} 0) {FONT})',
        f'  (property "Footprint" "{one.part.footprint}" (at 0 0 0) {HIDDEN})',
        f'  (property "Datasheet" "" (at 0 0 0) {HIDDEN})',
        f'  (property "Description" "{one.part.title}" (at 0 0 0) {HIDDEN})',
        f'  (symbol "{one.name}_0_1"',
        f"    {_body(one, top_mm, bottom_mm)})",
        f'  (symbol "{one.name}_1_1"',
    ]
    for pin, kind in one.part.pins.items():
        x_mm, y_mm = one.end(pin)
        angle = 0 if pin in one.left else 180
        lines.append(
            f"    (pin {kind} line (at {x_mm:g} {-y_mm:g} {angle}) (length {GRID_mm}) "
            f'(name "{pin}" {FONT}) (number "{one.part.numbers[pin]}" {FONT}))'
        )
    return "\n".join(lines) + ")\n  (embedded_fonts no))"


def _body(one: Symbol, top_mm: float, bottom_mm: float) -> str:
    """Draw a box, or two plates for a capacitor."""
    if one.part.name.startswith("c-"):
        lines = (
            (-2.54, 0, -0.6, 0),
            (-0.6, 1.6, -0.6, -1.6),
            (0.6, 1.6, 0.6, -1.6),
            (0.6, 0, 2.54, 0),
        )
        return " ".join(
            f"(polyline (pts (xy {a} {b}) (xy {c} {d})) (stroke (width 0.2) (type default)) "
            "(fill (type none)))"
            for a, b, c, d in lines
        )
    return (
        f"(rectangle (start {-one.half_mm:g} {top_mm:g}) (end {one.half_mm:g} {bottom_mm:g}) "
        "(stroke (width 0.2) (type default)) (fill (type background)))"
    )


def power(net: str, prefix: str = "") -> str:
    """Return a power symbol, whose value names the net; PWR_FLAG tells that a net is fed."""
    kind = "power_out" if net == "PWR_FLAG" else "power_in"
    mark = "#FLG" if net == "PWR_FLAG" else "#PWR"
    down = net == "GND"
    tip = "(pts (xy 0 0) (xy 0 -1.27) (xy -1.27 -1.27) (xy 0 -2.54) (xy 1.27 -1.27) (xy 0 -1.27))"
    up = "(pts (xy 0 0) (xy 0 1.27) (xy -0.76 1.27) (xy 0 2.54) (xy 0.76 1.27) (xy 0 1.27))"
    y_mm = -3.81 if down else 3.81
    return (
        f'(symbol "{prefix}{net}" (power) (pin_numbers (hide yes)) (pin_names (hide yes)) '
        "(exclude_from_sim no) (in_bom yes) (on_board yes)\n"
        f'  (property "Reference" "{mark}" (at 0 0 0) {HIDDEN})\n'
        f'  (property "Value" "{net}" (at 0 {y_mm} 0) {FONT})\n'
        f'  (property "Footprint" "" (at 0 0 0) {HIDDEN})\n'
        f'  (property "Datasheet" "" (at 0 0 0) {HIDDEN})\n'
        f'  (property "Description" "" (at 0 0 0) {HIDDEN})\n'
        f'  (symbol "{net}_0_1" (polyline {tip if down else up} '
        "(stroke (width 0) (type default)) (fill (type none))))\n"
        f'  (symbol "{net}_1_1" (pin {kind} line (at 0 0 {270 if down else 90}) (length 0) '
        f'(name "{net}" {FONT}) (number "1" {FONT})))\n  (embedded_fonts no))'
    )


def letters(part: Part) -> str:
    """Return what the references of this kind of part begin with."""
    return next((mark for start, mark in LETTERS if part.name.startswith(start)), "U")
