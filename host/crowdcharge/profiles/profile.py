# SPDX-License-Identifier: MIT
"""A profile: one file of `hardware/profiles`, in which each value names its source.

A value without a source is "unknown", and its source says why. Three kinds of profile: a
`technology` (a coil with its rules), a `donor` (the rules of a phone that gives), and a `bridge`
(an adapter, or a pad that speaks two technologies).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from crowdcharge.errors import InputError
from crowdcharge.escaping import shown
from crowdcharge.files import read_text
from crowdcharge.profiles.schema import KEYS, Wanted
from crowdcharge.toml_table import Table

SIZE_MAX_bytes = 100_000
UNKNOWN = "unknown"
_SOURCE_MIN = 3  # characters
_RISING = ("battery_min_C", "battery_resume_C", "battery_max_C")  # each below the next


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
    return read_all(folder())


def read_all(where: Path) -> dict[str, Profile]:
    """Read a folder of profiles; InputError names the line of what is wrong or contradicts."""
    read = [_read(path) for path in sorted(where.glob("*.toml"))]
    technologies = {each.name: each for each, _ in read if each.kind == "technology"}
    for profile, table in read:
        for key in profile.values:
            if why := _conflict(profile, key, technologies):
                raise table.table("values").fail(key, why)
    found = {profile.name: profile for profile, _ in read}
    return {name: each for kind in KEYS for name, each in found.items() if each.kind == kind}


def _conflict(profile: Profile, key: str, technologies: Mapping[str, Profile]) -> str:
    """Say how a value contradicts another one, of this profile or of its technology."""
    value = profile.get(key)
    if value is None:
        return ""
    if key in {"technology", "speaks", "receives"}:
        unknown = {value} if isinstance(value, str) else {*value}
        if unknown := unknown - technologies.keys():
            return f"no technology {shown(min(unknown))}; known are {', '.join(technologies)}"
    if key in _RISING:
        for lower in _RISING[: _RISING.index(key)]:
            if (low := profile.get(lower)) is not None and low >= value:
                return f"{value} must be above {lower}, which is {low}"
    if key == "gives_mW" and (technology := technologies.get(profile.get("technology") or "")):
        most_mW = technology.get("transmits_mW")
        if most_mW is not None and value > most_mW:
            return f"{value} is more than {technology.name} transmits, {most_mW}"
    return ""


def named(name: str) -> Profile:
    """InputError that lists the names if there is no such profile."""
    try:
        return known()[name]
    except KeyError:
        raise InputError(f"unknown profile {name!r}; known are {', '.join(known())}") from None


def load(path: Path) -> Profile:
    """Read one file by itself; InputError names file, line and key."""
    return _read(path)[0]


def _read(path: Path) -> tuple[Profile, Table]:
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
    return Profile(name, kind, top.string("title", ""), values), top


def _value(table: Table, key: str, wanted: Wanted) -> Value:
    entry = table.table(key)
    entry.only({"value", "source"})
    source = entry.string("source", "")
    if len(source) < _SOURCE_MIN:
        raise entry.fail("source", "is missing: a value without a source is unknown")
    value = entry.raw("value")
    if value == UNKNOWN:
        return Value(None, source)
    if not wanted.fits(value):
        raise entry.fail("value", f"must be {wanted.words}, or {UNKNOWN!r}")
    return Value(value, source)
