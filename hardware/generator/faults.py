# SPDX-License-Identifier: MIT
"""The table of single faults: what happens, what notices it, how the bench injects it.

Every part open or short, every pin stuck, every reading frozen. Faults of the switching network
are computed (defects.py); those of readings and modules stand in effects.toml. A single fault
that leaves the transmitter's supply on is an error here, not a row.
"""

import csv
import io
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

from generator.circuit import Circuit, Part
from generator.defects import Behaviour, Case, OPEN_Ohm, SECOND_MAX_ms, SHORT_Ohm, behaviour, sound
from generator.hold import times
from generator.pump import Pump
from generator.rules import used_pins
from generator.source import HARDWARE, HardwareError, Source, read_table
from generator.voltages import Defect

COLUMNS = ("fault", "part", "effect", "power", "off within ms", "noticed by", "bench")
FOLLOWS, OFF, PARTNER, UNTIL = "as told", "off", "other break opens", "on until noticed"
OPEN_SHORT = ("open", "short")
MODES: dict[str, tuple[str, ...]] = {
    "nmos": OPEN_SHORT,
    "schottky-pair": ("A1-open", "A1-short", "A2-open", "A2-short"),
    "schottky-series": ("lower-open", "lower-short", "upper-open", "upper-short"),
    "tps22918": ("open", "stuck"),
    "undervoltage-2v93": ("stuck", "lost"),
    "comparator-2": ("stuck", "lost"),
    "ina219": ("open", "short", "dead", "frozen"),
    "ina228": ("open", "short", "dead", "frozen"),
    "max17048": ("open", "dead", "frozen"),
    "ntc-10k": ("open", "short", "frozen"),
    "lipo-2000": ("open", "short", "hot"),
    "bq500211-module": ("open", "short", "dead"),
    "steval-wbc86tx": ("open", "short", "dead"),
    "bq51013b-module": ("open", "short", "high"),
    "steval-wlc38rx": ("open", "short", "high"),
}


@dataclass(frozen=True)
class Row:
    fault: str
    part: str
    effect: str
    power: str
    off_within_ms: int
    noticed_by: str
    bench: str

    def cells(self) -> tuple[str, ...]:
        ms = str(self.off_within_ms) if self.power in (PARTNER, UNTIL) else ""
        return self.fault, self.part, self.effect, self.power, ms, self.noticed_by, self.bench


def table(
    circuit: Circuit, board: dict[str, Any], chain: dict[str, Any], hardware: Path = HARDWARE
) -> list[Row]:
    """HardwareError names each fault that leaves power on, or that nothing describes."""
    case = sound(circuit, chain)
    source = read_table(hardware / "effects.toml", "effects")
    effects = source.values["effects"]
    reactions_ms = _reactions_ms() | {"pulses": ceil(times(circuit, case.held).off_max_ms or 0)}
    healthy = behaviour(case)
    rows, errors = [], []
    for fault, part, broken in _faults(case, board):
        if fault in effects:
            rows.append(_described(fault, part, effects[fault], reactions_ms))
        elif broken is None:
            errors.append(f"hardware/effects.toml:1: {board['name']}: {fault} is not described")
        else:
            rows.append(_computed(fault, part, behaviour(broken), healthy))
    errors += list(_unknown_detectors(source, reactions_ms))
    errors += [f"{board['name']}: {r.fault}: {r.effect}" for r in rows if r.power == "on"]
    if errors:
        raise HardwareError(errors)
    return rows


def text(rows: list[Row]) -> str:
    """CSV, one line a fault."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(row.cells() for row in rows)
    return out.getvalue()


def _faults(case: Case, board: dict[str, Any]) -> Iterator[tuple[str, str, Case | None]]:
    """(fault, title, circuit with it); None where effects.toml must describe it."""
    for ref, part in case.circuit.parts.items():
        modes = ("hang", "dead") if ref == "U1" else MODES.get(part.name, OPEN_SHORT)
        for mode in modes:
            yield f"{ref}-{mode}", part.title, _broken(case, ref, part, mode)
    seen = set()
    for path, label in used_pins(board):
        table_name, _, key = path.rpartition(".")
        name = table_name.removeprefix("qi.") if table_name.startswith("qi.") else key
        name = "i2c_power" if path == "i2c.power" else name
        if name in seen:
            continue
        seen.add(name)
        for level in ("low", "high"):
            yield f"{name}-{level}", f"pin {label}", _stuck_pin(case, name, level)


def _stuck_pin(case: Case, name: str, level: str) -> Case | None:
    nets = {"tx_enable": "TX_CMD", "rx_enable": "RX_CMD", "tx_pulse": "TX_PULSE"}
    return replace(case, pins=frozenset({(nets[name], level)})) if name in nets else None


def _broken(case: Case, ref: str, part: Part, mode: str) -> Case | None:
    """Return the case with this fault, None for a part that switches nothing."""
    held = case.held
    if part.name == "tps22918":
        return replace(case, stuck=frozenset({(ref, mode == "stuck")}))
    if mode == "stuck" or (ref in (held.store, held.bleed) and mode == "short"):
        return replace(case, clamped=True)
    if mode == "lost":
        return replace(case, lost=frozenset({ref}))
    pump, defect = _broken_pump(case, ref, mode), _defect(ref, part, mode)
    if pump is not None:
        return replace(case, pump=pump)
    return None if defect is None else replace(case, defect=defect)


def _broken_pump(case: Case, ref: str, mode: str) -> Pump | None:
    held, pump = case.held, case.pump
    changes: dict[str, dict[str, Any]] = {
        held.series: {"series_Ohm": 100.0} if mode == "short" else {"upper": "open"},
        held.pump: {"pump_uF": None} if mode == "short" else {"upper": "open"},
        held.drain: {"drain_Ohm": SHORT_Ohm if mode == "short" else OPEN_Ohm},
        held.bleed: {"bleed_Ohm": OPEN_Ohm},
        held.diodes: dict([mode.split("-")]) if "-" in mode else {},
    }
    return replace(pump, **changes[ref]) if ref in changes else None


def _defect(ref: str, part: Part, mode: str) -> Defect | None:
    pin, _, kind = mode.rpartition("-")
    if part.name == "schottky-pair":
        one, two = pin, "K"
    elif part.name == "nmos":
        one, two = "D", "S"
    elif part.resistance_Ohm or part.name.startswith("ntc"):
        one, two = "1", "2"
    else:
        return None
    if kind == "open":
        return Defect(dead=frozenset({(ref, pin)}))
    return Defect(shorts=((ref, one, two),)) if kind == "short" else None


def _described(fault: str, part: str, entry: dict[str, Any], reactions_ms: dict[str, int]) -> Row:
    power = UNTIL if "stays_on" in entry else FOLLOWS
    notices = entry["detects"]
    if notices in reactions_ms and power == FOLLOWS:
        power = OFF
    if notices == "pulses":
        power, notices = PARTNER, "the second break itself"
    effect = entry["effect"] + (f"; {entry['stays_on']}" if "stays_on" in entry else "")
    ms = reactions_ms.get(entry["detects"], 0)
    return Row(fault, part, effect, power, ms, notices, entry["bench"])


def _computed(fault: str, part: str, now: Behaviour, before: Behaviour) -> Row:
    effect, power, notices, bench = _judged(now, before)
    second_opens = power == PARTNER and not (now.first_off and now.first_off_floating)
    ms = ceil(now.second_off_ms or 0) if second_opens else 0
    return Row(fault, part, effect, power, ms, notices, bench)


def _judged(now: Behaviour, before: Behaviour) -> tuple[str, str, str, str]:
    """(effect, power, what notices it, bench fault) by the first line that applies."""
    second_off = now.second_off_ms is not None and now.second_off_ms <= SECOND_MAX_ms
    guards_lost = before.first_guarded and not now.first_guarded and not now.second_guarded
    lines: tuple[tuple[bool, tuple[str, str, str, str]], ...] = (
        (not (now.first_off_floating and now.first_off) and not second_off,
         ("nothing opens the transmitter's supply", "on", "", "")),
        (guards_lost, ("both breaks ignore the interlock", "on", "", "")),
        (not now.first_off, ("the first break stays on", PARTNER, "self-test",
                             "stuck-switch which=first")),
        (not second_off, ("the second break stays on, or lets go late", PARTNER, "self-test",
                          "stuck-switch which=second")),
        (not now.first_off_floating, ("the first break may close while no program runs",
                                      PARTNER, "person", "stuck-switch which=first")),
        (not now.first_on, ("the first break never closes", OFF, "self-test",
                            "open-switch which=first")),
        (not now.second_on, ("the second break never closes", OFF, "self-test",
                             "open-switch which=second")),
        (not now.first_guarded, ("the interlock does not hold the first break", FOLLOWS, "person",
                                 "interlock-lost which=first")),
        (not now.second_guarded, ("the interlock does not hold the second break", FOLLOWS,
                                  "person", "interlock-lost which=second")),
        (not now.receiver_off, ("the receiver's switch stays on", FOLLOWS, "STUCK_SWITCH",
                                "stuck-receiver")),
        (not now.receiver_on, ("the receiver's switch never closes", FOLLOWS, "NO_RESPONSE",
                               "open-receiver")),
        (not now.receiver_guarded, ("the interlock does not hold the receiver's switch", FOLLOWS,
                                    "person", "interlock-lost which=receiver")),
        (not now.coil_cut, ("the cut for a hot coil is lost; the firmware's limit remains",
                            FOLLOWS, "person", "cut-lost which=coil")),
        (not now.cell_cut, ("the cut for an empty cell is lost; the firmware's limits remain",
                            FOLLOWS, "person", "cut-lost which=cell")),
    )  # fmt: skip
    return next(
        (line for applies, line in lines if applies),
        ("no switch changes its state", FOLLOWS, "person", "no-change"),
    )


def _unknown_detectors(source: Source, reactions_ms: dict[str, int]) -> Iterator[str]:
    """Find detectors that are neither a code of the firmware nor one of the words below."""
    for fault, entry in source.values["effects"].items():
        if entry["detects"] not in {*reactions_ms, "self-test", "host", "person"}:
            yield source.fault(
                f"effects.{fault}", f"{entry['detects']!r} is not in firmware/errors.toml"
            )


def _reactions_ms() -> dict[str, int]:
    """Fault or end -> the firmware's reaction time, from its own table."""
    with (HARDWARE.parent / "firmware/errors.toml").open("rb") as file:
        errors = tomllib.load(file)
    entries = [*errors["fault"], *errors["end"]]
    return {entry["name"]: entry["reaction_ms"] for entry in entries if "reaction_ms" in entry}
