# SPDX-License-Identifier: MIT
"""A profile: one file of `hardware/profiles`, in which each value names its source.

A value without a source is "unknown", and its source says why. Three kinds of profile: a
`technology` (a coil with its rules), a `donor` (the rules of a phone that gives), and a `bridge`
(an adapter, or a pad that speaks two technologies).
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from crowdcharge.errors import InputError
from crowdcharge.files import read_text
from crowdcharge.toml_table import Table

SIZE_MAX_bytes = 100_000
UNKNOWN = "unknown"
_SOURCE_MIN = 3  # characters

_TECHNOLOGY = {
    "coupling": str, "frequency_kHz": list, "control": str, "transmits_mW": int,
    "receives_mW": int, "receivers_max": int, "efficiency_pct": list, "speaks": list,
}  # fmt: skip
_DONOR = {
    "technology": str, "gives_mW": int, "donor_floor_pct": int, "gives_on_cable": bool,
    "battery_min_C": int, "battery_max_C": int, "battery_resume_C": int, "ping_timeout_s": int,
    "no_load_timeout_s": int, "full_power_from_pct": int,
}  # fmt: skip
_BRIDGE = {"receives": list, "speaks": list, "gives": str, "efficiency_pct": list}
KEYS: dict[str, dict[str, Any]] = {
    "technology": _TECHNOLOGY, "donor": _DONOR, "bridge": _BRIDGE,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Value:
    """`value` None: unknown, and `source` says why."""

    value: Any
    source: str


@dataclass(frozen=True, slots=True)
class Profile:
    name: str
    kind: str
    title: str
    values: dict[str, Value]

    def get(self, key: str) -> Any:
        """Return the value, or None where it is unknown or not of this kind of profile."""
        found = self.values.get(key)
        return found.value if found else None


def folder() -> Path:
    """Where the profiles are, in a checkout or in an installed wheel."""
    packaged = Path(__file__).parents[1] / "_profiles"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "hardware" / "profiles"


@cache
def known() -> dict[str, Profile]:
    """Every profile by its name, in the order of kinds and names."""
    found = [load(path) for path in sorted(folder().glob("*.toml"))]
    kinds = list(KEYS)
    found.sort(key=lambda profile: (kinds.index(profile.kind), profile.name))
    return {profile.name: profile for profile in found}


def named(name: str) -> Profile:
    """InputError that lists the names if there is no such profile."""
    try:
        return known()[name]
    except KeyError:
        raise InputError(f"unknown profile {name!r}; known are {', '.join(known())}") from None


def load(path: Path) -> Profile:
    """Read one file; InputError names file, line and key."""
    top = Table.parse(read_text(path, SIZE_MAX_bytes), str(path))
    top.only({"schema", "name", "kind", "title", "values"})
    top.integer("schema", None, 1, 1)
    name = top.string("name", "")
    if name != path.stem:
        raise top.fail("name", f"must be the file's, {path.stem!r}")
    kind = top.string("kind", "", KEYS)
    table = top.table("values")
    table.only(KEYS[kind])
    values = {
        key: _value(table, key, wanted) for key, wanted in KEYS[kind].items() if key in table
    }
    return Profile(name, kind, top.string("title", ""), values)


def _value(table: Table, key: str, wanted: type) -> Value:
    entry = table.table(key)
    entry.only({"value", "source"})
    source = entry.string("source", "")
    if len(source) < _SOURCE_MIN:
        raise entry.fail("source", "is missing: a value without a source is unknown")
    value = entry.raw("value")
    if value == UNKNOWN:
        return Value(None, source)
    if type(value) is not wanted:
        raise entry.fail("value", f"must be of the type {wanted.__name__}, or {UNKNOWN!r}")
    return Value(value, source)
