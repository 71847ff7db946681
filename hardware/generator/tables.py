# SPDX-License-Identifier: MIT
"""What boards refer to: microcontrollers, parts, builds."""

from dataclasses import dataclass
from typing import Any

from generator.source import HARDWARE, read_toml


@dataclass(frozen=True)
class Tables:
    mcus: dict[str, Any]
    parts: dict[str, Any]
    builds: dict[str, Any]


def read_tables() -> Tables:
    builds = {path.stem: read_toml(path).values for path in (HARDWARE / "builds").glob("*.toml")}
    return Tables(
        mcus=read_toml(HARDWARE / "mcus.toml").values,
        parts=read_toml(HARDWARE / "parts.toml").values,
        builds={name: _whole(build, builds) for name, build in builds.items()},
    )


def lookup(values: dict[str, Any], path: str) -> Any:
    """The value at a dotted path, None when absent."""
    for key in path.split("."):
        if key not in values:
            return None
        values = values[key]
    return values


def power_path(board: dict[str, Any], tables: Tables) -> list[str]:
    """Names of the parts whose ratings bound the board's limits, from the cell to the coil."""
    build = tables.builds.get(board["build"], {"metered": []})
    named = [board["battery"]["part"], board["meter"]["part"]]
    named += [lookup(board, f"qi.{side}_part") for side in ("tx", "rx")]
    named += [build["parts"][ref] for ref in build["metered"]]
    return [name for name in named if name is not None]


def _whole(build: dict[str, Any], builds: dict[str, Any]) -> dict[str, Any]:
    """A build with the parts, labels and nets of the build that it extends."""
    base = builds.get(build.get("extends", ""), {})
    whole = base | build
    for table in ("parts", "labels", "fed", "open", "external"):
        whole[table] = base.get(table, {}) | build.get(table, {})
    nets = {name: list(pins) for name, pins in base.get("nets", {}).items()}
    for name, pins in build["nets"].items():
        nets[name] = nets.get(name, []) + pins
    whole["nets"] = nets
    return whole
