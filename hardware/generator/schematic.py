# SPDX-License-Identifier: MIT
"""Circuit -> KiCad 9 schematic, symbol library, tables and project: text without date or machine.

Traps that this avoids: local labels would export as /NAME, so all are global; without the tables
every symbol and footprint is a warning; every net that a fuse or a shunt feeds needs a PWR_FLAG.
"""

from collections.abc import Iterable
from uuid import UUID, uuid5

from generator.circuit import Circuit
from generator.sheet import POWER_NETS, Sheet, symbols
from generator.symbols import FONT, HIDDEN, definition, power

SPACE = UUID("6f1d7a5e-2f0c-4a37-9a43-0b1f6f6b7c11")
VERSION = "20250114"
LIBRARY = "crowdcharge"
POWER_SYMBOLS = (*POWER_NETS, "PWR_FLAG")


def schematic(circuit: Circuit, drawn: Sheet) -> str:
    """`drawn`: the circuit's geometry, as sheet.sheet gives it."""
    root = _id(circuit, "sheet")
    used = {one.name: one for one, _, _ in drawn.symbols.values()}
    lines = [
        f'(kicad_sch (version {VERSION}) (generator "{LIBRARY}") (generator_version "9.0")',
        f'  (uuid "{root}") (paper "{drawn.paper}")',
        f'  (title_block (title "{circuit.board}") (rev "not reviewed")',
        '    (comment 1 "Not yet run on hardware, not reviewed")',
        f'    (comment 2 "Generated from boards/{circuit.board}.toml; do not edit"))',
        "  (lib_symbols",
        *(definition(one, f"{LIBRARY}:") for one in used.values()),
        *(power(net, f"{LIBRARY}:") for net in POWER_SYMBOLS),
        "  )",
        *_frames(circuit, drawn),
        *_wires(circuit, drawn),
        *_labels(circuit, drawn),
        *_power(circuit, drawn, root),
        *_symbols(circuit, drawn, root),
        '  (sheet_instances (path "/" (page "1")))',
        "  (embedded_fonts no))",
    ]
    return "\n".join(lines) + "\n"


def library(circuits: Iterable[Circuit]) -> str:
    """One symbol library for the sheets of all circuits."""
    found = {one.name: one for circuit in circuits for one in symbols(circuit).values()}
    return "\n".join(
        [
            f'(kicad_symbol_lib (version 20241209) (generator "{LIBRARY}")',
            '  (generator_version "9.0")',
            *(definition(found[name]) for name in sorted(found)),
            *(power(net) for net in POWER_SYMBOLS),
            ")\n",
        ]
    )


def tables(circuits: Iterable[Circuit]) -> dict[str, str]:
    """File name -> text of the two library tables."""
    libraries = {
        part.footprint.partition(":")[0] for one in circuits for part in one.parts.values()
    }
    rows = [
        f'  (lib (name "{name}") (type "KiCad") (uri "{_place(name)}") (options "") (descr ""))'
        for name in sorted(libraries | {LIBRARY})
    ]
    symbols = (
        f'  (lib (name "{LIBRARY}") (type "KiCad") (uri "${{KIPRJMOD}}/{LIBRARY}.kicad_sym") '
        '(options "") (descr ""))'
    )
    return {
        "fp-lib-table": "\n".join(["(fp_lib_table", "  (version 7)", *rows, ")\n"]),
        "sym-lib-table": "\n".join(["(sym_lib_table", "  (version 7)", symbols, ")\n"]),
    }


PROJECT = '{\n  "meta": {\n    "filename": "%s.kicad_pro",\n    "version": 3\n  }\n}\n'


def _place(name: str) -> str:
    folder = "${KIPRJMOD}" if name == LIBRARY else "${KICAD9_FOOTPRINT_DIR}"
    return f"{folder}/{name}.pretty"


def _id(circuit: Circuit, what: str) -> str:
    return str(uuid5(SPACE, f"{circuit.board}/{what}"))


def _frames(circuit: Circuit, drawn: Sheet) -> list[str]:
    lines = []
    for title, x_mm, y_mm, wide_mm, high_mm in drawn.frames:
        lines.append(
            f"  (rectangle (start {x_mm:.2f} {y_mm:.2f}) "
            f"(end {x_mm + wide_mm:.2f} {y_mm + high_mm:.2f}) "
            "(stroke (width 0) (type dash)) (fill (type none)) "
            f'(uuid "{_id(circuit, f"frame {title}")}"))'
        )
        lines.append(
            f'  (text "{title}" (exclude_from_sim no) (at {x_mm + 2:.2f} {y_mm + 4:.2f} 0) '
            "(effects (font (size 2 2)) (justify left)) "
            f'(uuid "{_id(circuit, f"title {title}")}"))'
        )
    return lines


def _wires(circuit: Circuit, drawn: Sheet) -> list[str]:
    lines = [
        f"  (wire (pts (xy {x1:.2f} {y1:.2f}) (xy {x2:.2f} {y2:.2f})) "
        f'(stroke (width 0) (type default)) (uuid "{_id(circuit, f"wire {x1:.2f} {y1:.2f}")}"))'
        for x1, y1, x2, y2 in drawn.wires
    ]
    return lines + [
        f'  (no_connect (at {x:.2f} {y:.2f}) (uuid "{_id(circuit, f"open {x:.2f} {y:.2f}")}"))'
        for x, y in drawn.no_connects
    ]


def _labels(circuit: Circuit, drawn: Sheet) -> list[str]:
    return [
        f'  (global_label "{one.net}" (shape passive) '
        f"(at {one.x_mm:.2f} {one.y_mm:.2f} {one.angle}) "
        f"(effects (font (size 1.27 1.27)) (justify {'right' if one.angle == 180 else 'left'})) "
        f'(uuid "{_id(circuit, f"label {one.net} {one.x_mm:.2f} {one.y_mm:.2f}")}") '
        f'(property "Intersheetrefs" "${{INTERSHEET_REFS}}" (at 0 0 0) {HIDDEN}))'
        for one in drawn.labels
    ]


def _power(circuit: Circuit, drawn: Sheet, root: str) -> list[str]:
    lines = []
    for number, (net, x_mm, y_mm) in enumerate(drawn.power, 1):
        mark = f"#FLG{number:03d}" if net == "PWR_FLAG" else f"#PWR{number:03d}"
        value_mm = y_mm + (3.81 if net == "GND" else -3.81)
        lines.append(
            f'  (symbol (lib_id "{LIBRARY}:{net}") (at {x_mm:.2f} {y_mm:.2f} 0) (unit 1) '
            "(exclude_from_sim no) (in_bom yes) (on_board yes) (dnp no) "
            f'(uuid "{_id(circuit, mark)}")\n'
            f'    (property "Reference" "{mark}" (at {x_mm:.2f} {y_mm:.2f} 0) {HIDDEN})\n'
            f'    (property "Value" "{net}" (at {x_mm:.2f} {value_mm:.2f} 0) {FONT})\n'
            f'    (property "Footprint" "" (at 0 0 0) {HIDDEN})\n'
            f'    (property "Datasheet" "" (at 0 0 0) {HIDDEN})\n'
            f'    (pin "1" (uuid "{_id(circuit, f"{mark} pin")}"))\n'
            f"    {_instance(circuit, root, mark)})"
        )
    return lines


def _symbols(circuit: Circuit, drawn: Sheet, root: str) -> list[str]:
    lines = []
    for ref, (one, x_mm, y_mm) in drawn.symbols.items():
        part = one.part
        top_mm = y_mm - (1.02 if one.small else 2.54) - 1.27
        low_mm = y_mm + (1.02 if one.small else 2.54 * one.rows) + 1.6
        pins = "".join(
            f'\n    (pin "{number}" (uuid "{_id(circuit, f"{ref} {number}")}"))'
            for number in part.numbers.values()
            if number
        )
        lines.append(
            f'  (symbol (lib_id "{LIBRARY}:{one.name}") (at {x_mm:.2f} {y_mm:.2f} 0) (unit 1) '
            "(exclude_from_sim no) (in_bom yes) (on_board yes) (dnp no) "
            f'(uuid "{_id(circuit, ref)}")\n'
            f'    (property "Reference" "{ref}" (at {x_mm:.2f} {top_mm:.2f} 0) {FONT})\n'
            f'    (property "Value" "{part.value}" (at {x_mm:.2f} {low_mm:.2f} 0) {FONT})\n'
            f'    (property "Footprint" "{part.footprint}" (at 0 0 0) {HIDDEN})\n'
            f'    (property "Datasheet" "" (at 0 0 0) {HIDDEN})\n'
            f'    (property "Description" "{part.title}" (at 0 0 0) {HIDDEN})'
            f"{pins}\n    {_instance(circuit, root, ref)})"
        )
    return lines


def _instance(circuit: Circuit, root: str, ref: str) -> str:
    return f'(instances (project "{circuit.board}" (path "/{root}" (reference "{ref}") (unit 1))))'
