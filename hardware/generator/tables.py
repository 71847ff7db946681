# SPDX-License-Identifier: MIT
"""What boards refer to: microcontrollers, parts, builds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.source import HARDWARE, read_table


@dataclass(frozen=True)
class Tables:
    mcus: dict[str, Any]
    parts: dict[str, Any]
    builds: dict[str, Any]


def read_tables(folder: Path = HARDWARE) -> Tables:
    """Reads all tables. HardwareError: the file and line of what is missing or misspelt."""
    builds = {path.stem: read_table(path, "build") for path in (folder / "builds").glob("*.toml")}
    return Tables(
        mcus=read_table(folder / "mcus.toml", "mcus"),
        parts=read_table(folder / "parts.toml", "parts"),
        builds={name: _whole(build, builds) for name, build in builds.items()},
    )


def lookup(values: dict[str, Any], path: str) -> Any:
    """The value at a dotted path, or None."""
    for key in path.split("."):
        if key not in values:
            return None
        values = values[key]
    return values


def power_path(board: dict[str, Any], tables: Tables) -> list[str]:
    """Names of the parts, from cell to coil, whose ratings bound the board's limits."""
    build = tables.builds.get(board["build"], {})
    named = [board["battery"]["part"], board["meter"]["part"]]
    named += [lookup(board, f"qi.{side}_part") for side in ("tx", "rx")]
    named += [build["parts"][ref] for ref in build.get("metered", [])]
    return [name for name in named if name is not None]


def _whole(build: dict[str, Any], builds: dict[str, Any]) -> dict[str, Any]:
    """A build with the parts, labels and nets of the build that it extends."""
    base = builds.get(build.get("extends", ""), {})
    whole: dict[str, Any] = base | build
    for table in ("parts", "labels", "fed", "open", "external"):
        whole[table] = base.get(table, {}) | build.get(table, {})
    nets = {name: list(pins) for name, pins in base.get("nets", {}).items()}
    for name, pins in build["nets"].items():
        nets[name] = nets.get(name, []) + pins
    whole["nets"] = nets
    return whole
