# SPDX-License-Identifier: MIT
"""The kinds of contacts that a scenario file can hold, and how they are read. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from crowdcharge.errors import InputError
from crowdcharge.simulation.mobility import RandomWaypoint
from crowdcharge.simulation.traces.options import AS_PUBLISHED, COLUMNS, TraceOptions, UNITS_s
from crowdcharge.simulation.traces.readers import FORMATS
from crowdcharge.simulation.traces.rows import FIELDS_MAX
from crowdcharge.toml_table import Table

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Slots:
    """Slot k of `cycle` lasts `slot_s`, and the cycle repeats."""

    cycle: tuple[tuple[Pair, ...], ...]
    slot_s: float


@dataclass(frozen=True, slots=True)
class Intervals:
    """Each contact is (a, b, from s, to s)."""

    contacts: tuple[tuple[int, int, float, float], ...]


@dataclass(frozen=True, slots=True)
class TraceFile:
    path: str
    format: str
    options: TraceOptions = AS_PUBLISHED


@dataclass(frozen=True, slots=True)
class Meetings:
    """Random meetings; `scheduler` is one of simulation.engine.simulate's."""

    count: int
    scheduler: str = "pairs"
    every_s: float = 1.0
    lasts_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Generated:
    """A cyclic trace of the planner's generators: "random" (contacts an agent) or "bus"."""

    kind: str
    density: float
    slot_s: float


ContactSpec = Slots | Intervals | TraceFile | Meetings | Generated | RandomWaypoint


def named_boards(contacts: ContactSpec) -> set[int]:
    if isinstance(contacts, Slots):
        return {board for slot in contacts.cycle for pair in slot for board in pair}
    if isinstance(contacts, Intervals):
        return {board for contact in contacts.contacts for board in contact[:2]}
    return set()


def parse_slots(table: Table) -> Slots:
    table.only({"cycle", "slot_s"})
    slots = table.slots("cycle")
    if not slots:
        raise table.fail("cycle", "must have at least one slot")
    cycle = tuple(tuple(pair.pair() for pair in slot) for slot in slots)
    return Slots(cycle, table.number("slot_s", 10.0, 1e-6))


def parse_intervals(table: Table) -> Intervals:
    table.only({"list"})
    rows = table.raw("list")
    if not isinstance(rows, list) or not all(isinstance(r, list) and len(r) == 4 for r in rows):
        raise table.fail("list", "must be [[board, board, from_s, to_s], ...]")
    return Intervals(tuple(interval(table, number, row) for number, row in enumerate(rows)))


def interval(table: Table, number: int, row: list[Any]) -> tuple[int, int, float, float]:
    a, b = row[:2]
    if [type(a), type(b)] != [int, int] or a == b:
        raise table.fail("list", f"a pair is two different board ids, not {row[:2]}", number)
    start_s, end_s = (table.checked("list", value, 0) for value in row[2:])
    if end_s < start_s:
        raise table.fail("list", "ends before it begins", number)
    return a, b, start_s, end_s


def parse_trace(table: Table) -> TraceFile:
    kind = table.string("format", "one", sorted(FORMATS))
    table.only({"trace", "format"} | FORMATS[kind].keys)
    options = TraceOptions(
        unit=table.string("unit", "s", tuple(UNITS_s)),
        columns=parse_columns(table.table("columns")) if "columns" in table else {},
        lasts_s=table.number("lasts_s", 0.0, 0),
        range_m=table.number("range_m", 0.0, 0),
        rssi_least_dBm=table.number("rssi_least_dBm", -80.0, -200, 100),
    )
    for key, needed in (
        ("range_m", kind == "one-movement"),
        (
            "lasts_s",
            kind == "konect" or (kind == "edges" and not {"end", "lasts"} & set(options.columns)),
        ),
    ):
        if needed and not getattr(options, key):
            raise table.fail(key, f'must be above 0 for format = "{kind}"')
    return TraceFile(table.string("trace", ""), kind, options)


def parse_columns(table: Table) -> dict[str, str | int]:
    table.only(COLUMNS)
    columns: dict[str, str | int] = {}
    for key, value in table.values().items():
        if isinstance(value, str) and value.strip():
            columns[key] = value.strip()
        else:
            columns[key] = table.integer(key, None, 1, FIELDS_MAX)
        if list(columns.values()).count(columns[key]) > 1:
            raise table.fail(key, "is the column of another key already")
    for key in ("a", "b", "start"):
        if key not in columns:
            raise table.fail(key, "is missing: name a column, or give its position from 1")
    if {"end", "lasts"} <= set(columns):
        raise table.fail("lasts", "give either end or lasts")
    return columns


def parse_meetings(table: Table) -> Meetings:
    table.only({"meetings", "scheduler", "every_s", "lasts_s"})
    every_s = table.number("every_s", 1.0, 0)
    return Meetings(
        table.integer("meetings", None, 0, 10**15),
        table.string("scheduler", "pairs", ("pairs", "matching")),
        every_s,
        table.number("lasts_s", every_s, 0),
    )


def parse_generated(table: Table) -> Generated:
    table.only({"random", "bus", "slot_s"})
    kind = "random" if "random" in table else "bus"
    return Generated(kind, table.number(kind, None, 0), table.number("slot_s", 60.0, 1e-6))


def parse_mobility(table: Table) -> RandomWaypoint:
    table.only({"mobility"})
    inner = table.table("mobility")
    names = {each.name: each.default for each in fields(RandomWaypoint)}
    inner.only(names)
    model = RandomWaypoint(**{key: inner.number(key) for key in names if key in inner})
    try:
        model.check()
    except InputError as error:
        raise inner.fail("", str(error)) from None
    return model


# The key that says which kind of contacts a [contacts] table holds.
KINDS: dict[str, Callable[[Table], ContactSpec]] = {
    "cycle": parse_slots,
    "list": parse_intervals,
    "trace": parse_trace,
    "meetings": parse_meetings,
    "random": parse_generated,
    "bus": parse_generated,
    "mobility": parse_mobility,
}


def parse_contacts(table: Table) -> ContactSpec:
    kinds = [kind for kind in KINDS if kind in table]
    if len(kinds) != 1:
        raise table.fail(kinds[1] if kinds else "", f"needs exactly one of {', '.join(KINDS)}")
    return KINDS[kinds[0]](table)
