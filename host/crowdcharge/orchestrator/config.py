# SPDX-License-Identifier: MIT
"""The configuration of a run: a TOML file, checked against the dataclasses below.

A key that is unknown, of the wrong type or out of range is an InputError that names the line.
`docs/reference/config.md` explains each key; a test keeps both in step.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from crowdcharge.boards.pool import SLOTS
from crowdcharge.errors import InputError
from crowdcharge.orchestrator.contacts import ContactSchedule
from crowdcharge.orchestrator.transfer import TransferTerms
from wptcore import wire

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RunSection:
    """`out`: folder for the ledger and what is made of it. `policy_options` go to the policy as
    they are. `duration_s` 0: until stopped."""

    policy: str
    keys: Path
    out: Path
    seed: int = 0
    duration_s: float = 0.0
    policy_options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RadioSection:
    """`transport` "": the platform's own Bluetooth. `speed`: how fast the boards' clocks run."""

    transport: str = ""
    adapter: str = ""
    slots: int = SLOTS
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class TransferSection:
    """`power_max_mW` 0: what the boards allow."""

    lease_ms: int = 2000
    power_max_mW: int = 0
    duration_max_s: float = 3600.0
    floor_pct: int = 20

    def terms(self) -> TransferTerms:
        return TransferTerms(
            self.lease_ms, self.power_max_mW, int(self.duration_max_s * 1000), self.floor_pct
        )


@dataclass(frozen=True, slots=True)
class ContactsSection:
    """`slots[i]`: the pairs of board numbers that meet in slot i; the slots repeat for ever.

    `control`: for source "bench", its control socket; "" for the one that was started last.
    """

    source: Literal["declared", "ping", "bench"] = "declared"
    control: str = ""
    slot_s: float = 60.0
    slots: list[list[list[int]]] = field(default_factory=list)

    def schedule(self) -> ContactSchedule:
        slots = tuple(tuple((pair[0], pair[1]) for pair in slot) for slot in self.slots)
        return ContactSchedule(self.slot_s, slots)


@dataclass(frozen=True, slots=True)
class RunConfig:
    run: RunSection
    radio: RadioSection = field(default_factory=RadioSection)
    transfer: TransferSection = field(default_factory=TransferSection)
    contacts: ContactsSection = field(default_factory=ContactsSection)


_RANGES: dict[str, tuple[float, float]] = {
    "run.seed": (0, 2**63 - 1),
    "run.duration_s": (0, 1e9),
    "radio.slots": (2, 1000),
    "radio.speed": (0.01, 1000),
    "transfer.lease_ms": (1, wire.LEASE_MAX_ms),
    "transfer.power_max_mW": (0, 0xFFFFFFFF),
    "transfer.duration_max_s": (0.001, 4_000_000),
    "transfer.floor_pct": (0, 90),
    "contacts.slot_s": (0.001, 1e9),
}


def load(path: Path) -> RunConfig:
    """Paths in the file are relative to it."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file") from None
    return parse(text, path)


def parse(text: str, path: Path) -> RunConfig:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: {error}") from None
    return _Reader(text, path).document(tables)


class _Reader:
    def __init__(self, text: str, path: Path) -> None:
        self._lines = text.splitlines()
        self._path = path

    def document(self, tables: Mapping[str, Any]) -> RunConfig:
        hints = get_type_hints(RunConfig)
        for name, table in tables.items():
            if name not in hints:
                self._fail(name, "", f"unknown table; known: {', '.join(hints)}")
            if not isinstance(table, dict):
                self._fail(name, "", "must be a table")
        sections = {
            name: self._section(kind, name, tables.get(name, {})) for name, kind in hints.items()
        }
        config = RunConfig(**sections)
        self._check_pairs(config.contacts)
        return config

    def _section(self, kind: type[T], name: str, table: Mapping[str, Any]) -> T:
        hints = get_type_hints(kind)
        for key in table:
            if key not in hints:
                self._fail(name, key, f"unknown key; known: {', '.join(hints)}")
        for item in fields(kind):  # type: ignore[arg-type]  # each section is a dataclass
            required = item.default is MISSING and item.default_factory is MISSING
            if required and item.name not in table:
                self._fail(name, "", f'needs the key "{item.name}"')
        values = {key: self._value(name, key, hints[key], table[key]) for key in table}
        return kind(**values)

    def _value(self, table: str, key: str, hint: Any, value: Any) -> Any:
        if hint is Path and isinstance(value, str):
            return self._path.parent / value
        if hint is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not _fits(value, hint):
            self._fail(table, key, f"must be {_describe(hint)}, not {value!r}")
        low, high = _RANGES.get(f"{table}.{key}", (None, None))
        if low is not None and high is not None and not low <= value <= high:
            self._fail(table, key, f"must be {low:g} to {high:g}, not {value!r}")
        return value

    def _check_pairs(self, contacts: ContactsSection) -> None:
        if contacts.source == "declared" and not contacts.slots:
            self._fail("contacts", "", 'needs "slots" = [[[a, b], ...], ...], or source = "ping"')
        for pair in (pair for slot in contacts.slots for pair in slot):
            if len(pair) != 2 or pair[0] == pair[1] or not all(0 < b <= 0xFFFF for b in pair):
                self._fail("contacts", "slots", f"{pair} is not a pair of board numbers")

    def _fail(self, table: str, key: str, what: str) -> None:
        name = f"{table}.{key}" if key else f"[{table}]"
        raise InputError(f"{self._path}, line {self._line(table, key)}: {name}: {what}")

    def _line(self, table: str, key: str) -> int:
        """Where the key stands, else its table, else the first line."""
        inside, found = "", 1
        for number, line in enumerate(self._lines, 1):
            if header := re.match(r"\s*\[+\s*([\w.]+)", line):
                inside = header[1]
                found = number if inside == table else found
            elif _names(line, key if inside == table else "" if inside else table):
                return number
        return found


def _names(line: str, key: str) -> bool:
    return bool(key) and re.match(rf'\s*"?{re.escape(key)}"?\s*[=.]', line) is not None


def _fits(value: Any, hint: Any) -> bool:
    origin = get_origin(hint)
    if origin is Literal:
        return value in get_args(hint)
    if origin is list:
        return isinstance(value, list) and all(_fits(item, get_args(hint)[0]) for item in value)
    if origin is dict or isinstance(hint, UnionType):
        return isinstance(value, origin or hint)
    return isinstance(value, hint) and not (hint is not bool and isinstance(value, bool))


def _describe(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(repr, get_args(hint)))
    words = {str: "a text", int: "a whole number", float: "a number", Path: "a path"}
    return words.get(
        hint, "lists of pairs of whole numbers" if get_origin(hint) is list else "a table"
    )
