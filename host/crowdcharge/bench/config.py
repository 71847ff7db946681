# SPDX-License-Identifier: MIT
"""The bench file: TOML -> frozen records. docs/reference/bench-config.md lists every key."""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from crowdcharge.bench.board import wiring
from crowdcharge.bench.physics.coil import CoilLink
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.errors import InputError
from wptcore.market_desk import A_MAX_u, A_MIN_u, B_MAX_u

_SCALARS = ("speed", "seed", "hosts", "firmware")
RADIOS = ("shim", "hci")
PORTS = ("micropython", "circuitpython")
STORAGES = ("folder", "littlefs")


@dataclass(frozen=True, slots=True)
class BoardConfig:
    id: int
    soc_pct: float
    capacity_J: float = 100.0
    board: str = "virtual"  # module of firmware/boards
    port: str = "micropython"
    radio: str = "shim"
    links: int = 3  # connections that its radio holds at once; a Pico W: 1
    storage: str = "folder"
    heap_kB: int = 2048
    gauge: bool = True
    resistance_Ohm: float = 0.1
    idle_W: float = 0.0
    ambient_C: float = 25.0
    key: str = ""  # hex, 32 bytes; empty: not provisioned
    calibrated: bool = True  # the rig's loss curve is on the board, as `calibrate` leaves it
    market_a: float = 0.0  # the owner's terms in a market, credits/Wh^2; 0: it trades in none
    market_b: float = 0.0  # credits/Wh
    keep_pct: float = 50.0  # sells down to it
    target_pct: float = 80.0  # buys up to it
    ticks_start_ms: int = 0  # where ticks_ms() begins: near 2**30 it wraps soon


@dataclass(frozen=True, slots=True)
class ContactsConfig:
    """Slot `i` of `cycle` lasts `slot_s` bench seconds; one slot is a static arrangement."""

    cycle: tuple[tuple[Placement, ...], ...] = ()
    slot_s: float = 10.0


@dataclass(frozen=True, slots=True)
class BenchConfig:
    boards: tuple[BoardConfig, ...]
    link: CoilLink = field(default_factory=CoilLink)
    contacts: ContactsConfig = field(default_factory=ContactsConfig)
    speed: float = 1.0
    seed: int = 1
    hosts: int = 1  # radios offered to orchestrators
    firmware: str = ""  # a folder in place of firmware/ports/PORT; empty: the product's own


def _pairs(*slots: tuple[tuple[int, int], ...]) -> tuple[tuple[Placement, ...], ...]:
    return tuple(tuple(Placement(pair) for pair in slot) for slot in slots)


def default() -> BenchConfig:
    """The demo's bench: four 100 J boards; 3 and 2 meet early and twice."""
    socs_pct = (90.0, 5.0, 26.0, 88.0)
    cycle = _pairs(((3, 2), (1, 4)), ((1, 2), (3, 4)), ((3, 2),), ((1, 3), (2, 4)))
    return BenchConfig(
        boards=tuple(BoardConfig(index + 1, soc_pct) for index, soc_pct in enumerate(socs_pct)),
        contacts=ContactsConfig(cycle, slot_s=5.0),
    )


def load(path: Path) -> BenchConfig:
    """Reads a bench file; `InputError` names file, line and key."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the bench file {path}: {error}") from None
    return parse(text, str(path))


def parse(text: str, name: str = "bench.toml") -> BenchConfig:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = f"(line {len(text.splitlines())}, at its end)"
        what = str(error).replace("(at end of document)", where)
        raise InputError(f"{name}: {what}") from None
    return _Reader(text, name).bench(document)


def dump(config: BenchConfig) -> str:
    """The bench file that `parse` reads back to the same config."""
    scalars = [f"{key} = {_toml(getattr(config, key))}" for key in _SCALARS]
    lines = [*scalars, "", "[link]", *_pairs_of(config.link), "", "[contacts]"]
    contacts = config.contacts
    lines += [f"slot_s = {contacts.slot_s!r}", f"cycle = {_cycle_of(contacts)}"]
    for board in config.boards:
        lines += ["", "[[boards]]", *_pairs_of(board)]
    return "\n".join(lines) + "\n"


def _pairs_of(record: CoilLink | BoardConfig) -> list[str]:
    return [f"{item.name} = {_toml(getattr(record, item.name))}" for item in fields(record)]


def _cycle_of(contacts: ContactsConfig) -> str:
    slots = (
        ", ".join(
            f"{{ boards = [{contact.boards[0]}, {contact.boards[1]}], "
            f"gap_mm = {contact.gap_mm!r}, offset_mm = {contact.offset_mm!r} }}"
            for contact in slot
        )
        for slot in contacts.cycle
    )
    return "[" + ", ".join(f"[{slot}]" for slot in slots) + "]"


def _toml(value: str | bool | float) -> str:
    return json.dumps(value)  # strings, booleans and finite numbers are written alike


class _Reader:
    """Turns tables into records and points at the line of what is wrong."""

    def __init__(self, text: str, name: str) -> None:
        self._lines = text.splitlines()
        self._name = name

    def bench(self, document: dict[str, Any]) -> BenchConfig:
        known = {"boards", "link", "contacts", *_SCALARS}
        for key in document.keys() - known:
            self._fail(key, f"unknown key; known are {', '.join(sorted(known))}")
        top = {key: document[key] for key in _SCALARS if key in document}
        boards = self._boards(document.get("boards"))
        config: BenchConfig = self._record(
            BenchConfig,
            top,
            "",
            boards=boards,
            link=self._record(CoilLink, self._table(document, "link"), "link"),
            contacts=self._contacts(self._table(document, "contacts"), boards),
        )
        folder = config.firmware
        self._check(not folder or Path(folder).is_dir(), "firmware", f"{folder} is no folder")
        self._check(1 <= config.hosts <= 9, "hosts", "must be 1 to 9")
        self._check(0.01 <= config.speed <= 1000, "speed", "must be 0.01 to 1000")
        return config

    def _boards(self, tables: Any) -> tuple[BoardConfig, ...]:
        if not isinstance(tables, list) or not tables:
            self._fail("boards", "at least one [[boards]] table is needed")
        boards = tuple(self._board(table, index) for index, table in enumerate(tables))
        ids = [board.id for board in boards]
        for index, board_id in enumerate(ids):
            self._check(ids.index(board_id) == index, f"boards[{index}].id", f"{board_id} twice")
        return boards

    def _board(self, table: dict[str, Any], index: int) -> BoardConfig:
        where = f"boards[{index}]"
        board: BoardConfig = self._record(BoardConfig, table, where)
        for key, (allowed, text) in _BOARD_CHECKS.items():
            self._check(allowed(getattr(board, key)), f"{where}.{key}", text)
        return board

    def _contacts(self, table: dict[str, Any], boards: tuple[BoardConfig, ...]) -> ContactsConfig:
        known = {"slot_s", "cycle", "pairs"}
        for key in table.keys() - known:
            self._fail(f"contacts.{key}", f"unknown key; known are {', '.join(sorted(known))}")
        key = "contacts.pairs" if "pairs" in table else "contacts.cycle"
        slots: Any = [table["pairs"]] if "pairs" in table else table.get("cycle", [])
        good = isinstance(slots, list) and all(isinstance(slot, list) for slot in slots)
        self._check(good, key, "must be a list of pairs, or a list of slots of pairs")
        cycle = tuple(tuple(self._contact(pair, key) for pair in slot) for slot in slots)
        ids = {board.id for board in boards}
        for slot in cycle:
            met = [board_id for each in slot for board_id in each.boards]
            for board_id in met:
                self._check(board_id in ids, key, f"there is no board {board_id}")
            self._check(len(set(met)) == len(met), key, "a board meets two at once")
        slot_s = self._number(table.get("slot_s", 10.0), "contacts.slot_s")
        self._check(slot_s > 0, "contacts.slot_s", "must be above 0")
        return ContactsConfig(cycle, slot_s)

    def _contact(self, pair: object, key: str) -> Placement:
        """[1, 2], or { boards = [1, 2], gap_mm = 3.0, offset_mm = 0.0 }."""
        table = pair if isinstance(pair, dict) else {"boards": pair}
        boards: Any = table.get("boards")
        good = isinstance(boards, list) and [type(board_id) for board_id in boards] == [int, int]
        good = good and table.keys() <= {"boards", "gap_mm", "offset_mm"}
        self._check(good, key, "a pair is two board ids: [1, 2]")
        geometry = {
            name: self._number(value, key) for name, value in table.items() if name != "boards"
        }
        return Placement((boards[0], boards[1]), **geometry)

    def _table(self, document: dict[str, Any], key: str) -> dict[str, Any]:
        table = document.get(key, {})
        if not isinstance(table, dict):
            self._fail(key, "must be a table")
        return dict(table)

    def _record(self, kind: type, table: Mapping[str, Any], where: str, **given: Any) -> Any:
        """A dataclass from a table whose values have the types of the record's fields."""
        if not isinstance(table, Mapping):
            self._fail(where, "must be a table")
        kinds = {item.name: item.type for item in fields(kind)}
        values = dict(given)
        for key, value in table.items():
            path = f"{where}.{key}" if where else key
            if key not in kinds:
                self._fail(path, f"unknown key; known are {', '.join(sorted(kinds))}")
            values[key] = self._value(value, kinds[key], path)
        try:
            return kind(**values)
        except TypeError:
            missing = [key for key in ("id", "soc_pct") if key in kinds and key not in values]
            self._fail(where, f"needs {' and '.join(missing)}")

    def _value(self, value: Any, kind: object, path: str) -> Any:
        if kind is float:
            return self._number(value, path)
        self._check(type(value) is kind, path, f"must be {_KIND_NAMES[kind]}")
        return value

    def _number(self, value: Any, path: str) -> float:
        self._check(type(value) in {int, float}, path, "must be a number")
        return float(value)

    def _check(self, good: bool, path: str, text: str) -> None:
        if not good:
            self._fail(path, text)

    def _fail(self, path: str, text: str) -> Any:
        raise InputError(f"{self._name}:{self._line(path)}: {path}: {text}")

    def _line(self, path: str) -> int:
        """The line of a key: in its table when that can be found, else the table's own."""
        table, _, key = path.rpartition(".")
        match = re.fullmatch(r"(\w+)\[(\d+)\]", table or path)
        name, index = (match[1], int(match[2])) if match else (table, 0)
        starts = [
            number
            for number, line in enumerate(self._lines)
            if name and re.match(rf"\s*\[+\s*{name}\s*\]", line)
        ]
        start = starts[index] if index < len(starts) else 0
        for number in range(start, len(self._lines)):
            if number > start and re.match(r"\s*\[", self._lines[number]):
                break
            if re.match(rf"\s*{re.escape(key)}\s*=", self._lines[number]):
                return number + 1
        return start + 1


_KIND_NAMES: dict[object, str] = {int: "a whole number", str: "a string", bool: "true or false"}


def _one_of(names: tuple[str, ...]) -> tuple[Callable[[Any], bool], str]:
    return (lambda value: value in names), f"must be one of {', '.join(names)}"


_PCT: tuple[Callable[[Any], bool], str] = (lambda value: 0 <= value <= 100, "must be 0 to 100")
_BOARD_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "id": (lambda value: 1 <= value <= 0xFFFE, "must be 1 to 65534"),
    "soc_pct": _PCT,
    "market_a": (
        lambda value: value == 0 or A_MIN_u <= value * 1e6 <= A_MAX_u,
        f"must be {A_MIN_u / 1e6:g} to {A_MAX_u / 1e6:g}, or 0",
    ),
    "market_b": (lambda value: 0 <= value * 1e6 <= B_MAX_u, f"must be 0 to {B_MAX_u / 1e6:g}"),
    "keep_pct": _PCT,
    "target_pct": _PCT,
    "capacity_J": (lambda value: 1 <= value <= 1e6, "must be 1 to 1000000"),
    "resistance_Ohm": (lambda value: 0.001 <= value <= 10, "must be 0.001 to 10"),
    "idle_W": (lambda value: 0 <= value <= 5, "must be 0 to 5"),
    "heap_kB": (lambda value: 32 <= value <= 65_536, "must be 32 to 65536"),
    "key": (
        lambda value: re.fullmatch(r"([0-9a-fA-F]{64})?", value) is not None,
        "must be 64 hex digits",
    ),
    "links": (lambda value: 1 <= value <= 4, "must be 1 to 4"),
    "board": (wiring.exists, "is no board of firmware/boards"),
    "port": _one_of(PORTS),
    "radio": _one_of(RADIOS),
    "storage": _one_of(STORAGES),
}
