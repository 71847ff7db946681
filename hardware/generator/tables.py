# SPDX-License-Identifier: MIT
"""What boards refer to: microcontrollers, parts, builds."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from generator.source import HARDWARE, HardwareError, Source, read_table

# Numbers of a part that a rule relies on: each needs an entry in the part's `sources`.
RATINGS = (
    "current_max_mA",
    "supply_max_mV",
    "shunt_max_mV",
    "shunt_max_mW",
    "coil_max_dC",
    "battery_max_dC",
    "capacity_mJ",
    "charge_max_mA",
    "charge_current_mA",
    "charge_tolerance_permille",
    "input_min_mV",
    "output_mV",
    "output_max_mA",
    "efficiency_min_permille",
    "efficiency_max_permille",
    "link_efficiency_permille",
    "on_high_mV",
    "on_low_mV",
    "threshold_mV",
    "offset_max_mV",
    "beta_K",
    "r25_Ohm",
)


@dataclass(frozen=True)
class Tables:
    mcus: dict[str, Any]
    parts: dict[str, Any]
    builds: dict[str, Any]
    part_sources: dict[str, Source] = field(default_factory=dict)  # part -> the file it is in

    def part_fault(self, part: str, key: str, text: str) -> str:
        """`file:line: part.key: text`."""
        return self.part_sources[part].fault(f"{part}.{key}", text)


def read_tables(folder: Path = HARDWARE) -> Tables:
    """HardwareError names the file and line of what is missing or misspelt."""
    build_sources = {
        path.stem: read_table(path, "build") for path in sorted((folder / "builds").glob("*.toml"))
    }
    mcus = read_table(folder / "mcus.toml", "mcus")
    files = [read_table(path, "parts") for path in sorted((folder / "parts").glob("*.toml"))]
    faults = [fault for source in files for fault in _part_faults(source)]
    part_sources: dict[str, Source] = {}
    for source in files:
        for name in source.values:
            if name in part_sources:
                faults.append(source.fault(name, "there are two parts of this name"))
            part_sources[name] = source
    plain = {name: source.values for name, source in build_sources.items()}
    builds = {name: _whole(build, plain) for name, build in plain.items()}
    for name, source in [*part_sources.items(), *((name, mcus) for name in mcus.values)]:
        faults += _plug_faults(name, source, part_sources)
    for name, source in build_sources.items():
        faults += _chain_faults(source, builds[name])
    if faults:
        raise HardwareError(faults)
    return Tables(
        mcus=mcus.values,
        parts={name: source.values[name] for name, source in part_sources.items()},
        builds=builds,
        part_sources=part_sources,
    )


def lookup(values: dict[str, Any], path: str) -> Any:
    """Return the value at a dotted path, or None."""
    for key in path.split("."):
        if key not in values:
            return None
        values = values[key]
    return values


def power_path(board: dict[str, Any], tables: Tables) -> list[str]:
    """Names of the parts whose ratings bound the board's limits, from the cell to the coil."""
    chain = tables.builds.get(board["build"], {}).get("chain", {})
    named = [board["battery"]["part"], board["meter"]["part"]]
    named += [lookup(board, f"qi.{side}_part") for side in ("tx", "rx")]
    refs = [*chain.get("cell", []), *chain.get("metered", [])]
    named += [part_of(ref, board, tables) for ref in refs]
    return [name for name in dict.fromkeys(named) if name is not None]


def part_of(ref: str, board: dict[str, Any], tables: Tables) -> str:
    """Name of the part that a build puts at `ref`; "@key" is what the board says there."""
    name = str(tables.builds[board["build"]]["parts"][ref])
    return str(lookup(board, name[1:])) if name.startswith("@") else name


def _part_faults(source: Source) -> Iterator[str]:
    """Pin numbers and sources that are missing: a place in a list is never a pin number."""
    for name, part in source.values.items():
        numbers, sources = part.get("numbers", {}), part.get("sources", {})
        unnumbered = [pin for pin in part["pins"] if pin not in numbers and not pin.isdigit()]
        if unnumbered:
            yield source.fault(f"{name}.numbers", f"no number for {', '.join(unnumbered)}")
        if extra := sorted(set(numbers) - set(part["pins"])):
            yield source.fault(f"{name}.numbers", f"numbers no pin: {', '.join(extra)}")
        if len(set(numbers.values())) < len(numbers):
            yield source.fault(f"{name}.numbers", "two pins have one number")
        wanted = [key for key in RATINGS if key in part] + (["pins"] if numbers else [])
        for key in wanted:
            if key not in sources:
                yield source.fault(f"{name}.{key}", "has no entry in sources")


def _plug_faults(name: str, source: Source, parts: dict[str, Source]) -> Iterator[str]:
    """Find parts without a footprint of their own or of the connector that they plug into."""
    part = source.values[name]
    connector = part.get("connector")
    if connector is not None and connector not in parts:
        yield source.fault(f"{name}.connector", f"there is no part {connector!r}")
    elif not part.get("footprint") and part["pins"]:
        plug = parts[connector].values[connector] if connector else {}
        if "footprint" not in plug:
            yield source.fault(name, "has neither a footprint nor a connector with one")
        elif len(plug["pins"]) < len(part["pins"]):
            yield source.fault(f"{name}.connector", f"{connector} has too few contacts")
    if "pads" in part:
        unled = [label for label in part["supply"].values() if label not in part["pads"]]
        if unled:
            yield source.fault(f"{name}.pads", f"no pad for {', '.join(unled)}")


def _chain_faults(source: Source, build: dict[str, Any]) -> Iterator[str]:
    for key, refs in build.get("chain", {}).items():
        for ref in [refs] if isinstance(refs, str) else refs:
            if ref not in build["parts"]:
                yield source.fault(f"chain.{key}", f"there is no part {ref!r} in this build")


def _whole(build: dict[str, Any], builds: dict[str, Any]) -> dict[str, Any]:
    """Return a build with the parts, labels and nets of the build that it extends."""
    base = builds.get(build.get("extends", ""), {})
    whole: dict[str, Any] = base | build
    for table in ("parts", "labels", "fed", "open"):
        whole[table] = base.get(table, {}) | build.get(table, {})
    nets = {name: list(pins) for name, pins in base.get("nets", {}).items()}
    for name, pins in build["nets"].items():
        nets[name] = nets.get(name, []) + pins
    whole["nets"] = nets
    whole["sheet"] = base.get("sheet", []) + build.get("sheet", [])
    return whole
