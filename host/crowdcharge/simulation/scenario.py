# SPDX-License-Identifier: MIT
"""The scenario file: TOML in, records out. docs/reference/scenario.md lists every key. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from inspect import signature
from math import inf
from typing import Any

from crowdcharge.errors import InputError
from crowdcharge.policy import POLICIES, Policy, make
from crowdcharge.simulation.link import LinkModel
from crowdcharge.simulation.mobility import RandomWaypoint
from crowdcharge.simulation.traces.readers import FORMATS
from crowdcharge.simulation.world import CordHabit
from crowdcharge.toml_table import Table

Pair = tuple[int, int]
Span = tuple[float, float]
CAPACITY_MAX_J = 1e12
BOARD_ID_MAX = 0xFFFE


@dataclass(frozen=True, slots=True)
class BoardSpec:
    id: int
    capacity_J: float
    soc_pct: float
    load_W: float = 0.0
    arrives_s: float = 0.0
    leaves_s: float = inf
    cords: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class CrowdSpec:
    """`n` boards, numbered from 0; spans are drawn from uniformly with the run's seed."""

    n: int
    capacity_J: Span
    soc_pct: Span
    load_W: Span


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


@dataclass(frozen=True, slots=True)
class Scenario:
    """`bench` is kept for the virtual bench and means nothing to the simulator."""

    name: str
    boards: tuple[BoardSpec, ...]
    crowd: CrowdSpec | None
    contacts: ContactSpec
    policy: str
    policy_options: dict[str, Any]
    link: LinkModel
    curve: str
    habit: CordHabit
    duration_s: float | None
    sample_s: float | None
    floor_pct: float
    balanced_at: float
    cell_C: float
    seed: int
    runs: int
    engine: str
    bench: Table

    def make_policy(self, beta: float | None = None) -> Policy:
        """Fill in from the scenario what the file leaves open: `beta` (the link's), and for plans
        cycle, slot, power and floor.
        """
        policy = POLICIES.get(self.policy)
        known = signature(policy).parameters if policy else {}
        facts: dict[str, Any] = {"power_W": self.link.power_W, "floor_pct": self.floor_pct}
        if beta is not None:
            facts["beta"] = beta
        if isinstance(self.contacts, Slots):
            facts |= {"cycle": self.contacts.cycle, "slot_s": self.contacts.slot_s}
        options = {key: value for key, value in facts.items() if key in known}
        return make(self.policy, **(options | self.policy_options))


ENGINES = ("events", "compiled")
TOP = {
    "name", "boards", "crowd", "contacts", "policy", "link", "cord", "duration_s", "sample_s",
    "floor_pct", "balanced_at", "cell_C", "seed", "runs", "engine",
    "bench",
}  # fmt: skip


def parse(text: str, name: str = "scenario.toml") -> Scenario:
    """Read a scenario; InputError with the file's name, the line and the key."""
    top = Table.parse(text, name)
    top.only(TOP)
    boards = parse_boards(top)
    crowd = parse_crowd(top.table("crowd")) if "crowd" in top else None
    link = top.table("link")
    link.only({"power_W", "efficiency", "start_J", "curve"})
    policy = top.table("policy")
    options = policy.values()
    scenario = Scenario(
        name=top.string("name", name.rpartition("/")[2].removesuffix(".toml")),
        boards=boards,
        crowd=crowd,
        contacts=parse_contacts(top.table("contacts")),
        policy=policy.string("name", "online-average", sorted(POLICIES)),
        policy_options={key: options[key] for key in options if key != "name"},
        link=LinkModel(
            link.number("power_W", inf, 1e-9),
            link.number("efficiency", 0.8, 1e-3, 1),
            link.number("start_J", 0.0, 0, CAPACITY_MAX_J),
        ),
        curve=link.string("curve", ""),
        habit=parse_habit(top.table("cord")),
        duration_s=top.number("duration_s", least=0) if "duration_s" in top else None,
        sample_s=top.number("sample_s", least=1e-6) if "sample_s" in top else None,
        floor_pct=top.number("floor_pct", 20.0, 0, 100),
        balanced_at=top.number("balanced_at", 0.01, 0, 1),
        cell_C=top.number("cell_C", 25.0, -20, 60),
        seed=top.integer("seed", 0, 0, 2**63 - 1),
        runs=top.integer("runs", 1, 1, 10_000),
        engine=top.string("engine", "events", ENGINES),
        bench=top.table("bench"),
    )
    check(scenario, top)
    return scenario


def check(scenario: Scenario, top: Table) -> None:
    if bool(scenario.boards) == (scenario.crowd is not None):
        raise top.fail("boards", "give either [[boards]] or a [crowd]")
    if scenario.curve and scenario.link.power_W == inf:
        raise top.table("link").fail("curve", "a measured curve needs power_W")
    generated = isinstance(scenario.contacts, Meetings | Generated | RandomWaypoint)
    if generated and scenario.crowd is None:
        raise top.fail("contacts", "random contacts need a [crowd], not [[boards]]")
    ids = {board.id for board in scenario.boards}
    named = named_boards(scenario.contacts)
    if scenario.boards and (strangers := named - ids):
        raise top.fail("contacts", f"there is no board {min(strangers)}")
    needs_end = isinstance(scenario.contacts, Slots | Generated | RandomWaypoint)
    if needs_end and scenario.duration_s is None:
        raise top.fail("duration_s", "is missing: contacts that repeat or move have no end")
    if scenario.engine == "compiled" and (why := not_plain(scenario)):
        raise top.fail("engine", f"the compiled engine knows no {why}; use events")
    try:
        scenario.make_policy()
    except InputError as error:
        raise top.table("policy").fail("", str(error)) from None


def not_plain(scenario: Scenario) -> str:
    """Name what the compiled engine cannot do of this scenario; empty when it can do all."""
    crowd, contacts = scenario.crowd, scenario.contacts
    if crowd is None or not isinstance(contacts, Meetings):
        return "contacts but random meetings of a [crowd]"
    found = {
        "loads": crowd.load_W[1] > 0,
        "different capacities": crowd.capacity_J[0] != crowd.capacity_J[1],
        "cords": scenario.habit.power_W > 0,
        "link power or start-up energy": scenario.link.power_W < inf or scenario.link.start_J > 0,
        "floor (set floor_pct = 0)": scenario.floor_pct > 0,
    }
    return next((what for what, there in found.items() if there), "")


def named_boards(contacts: ContactSpec) -> set[int]:
    if isinstance(contacts, Slots):
        return {board for slot in contacts.cycle for pair in slot for board in pair}
    if isinstance(contacts, Intervals):
        return {board for contact in contacts.contacts for board in contact[:2]}
    return set()


def parse_boards(top: Table) -> tuple[BoardSpec, ...]:
    boards: list[BoardSpec] = []
    for table in top.tables("boards"):
        table.only({each.name for each in fields(BoardSpec)})
        board = BoardSpec(
            id=table.integer("id", None, 0, BOARD_ID_MAX),
            capacity_J=table.number("capacity_J", 100.0, 1e-9, CAPACITY_MAX_J),
            soc_pct=table.number("soc_pct", None, 0, 100),
            load_W=table.number("load_W", 0.0, 0),
            arrives_s=table.number("arrives_s", 0.0, 0),
            leaves_s=table.number("leaves_s", inf, 0),
            cords=tuple(spans(table, "cords")),
        )
        if board.id in {other.id for other in boards}:
            raise table.fail("id", f"board {board.id} is there twice")
        boards.append(board)
    return tuple(boards)


def spans(table: Table, key: str) -> list[Span]:
    value = table.raw(key) or []
    good = isinstance(value, list) and all(isinstance(v, list) and len(v) == 2 for v in value)
    if not good:
        raise table.fail(key, "must be [[from_s, to_s], ...]")
    made = [(table.checked(key, low, 0), table.checked(key, high, 0)) for low, high in value]
    if any(low >= high for low, high in made):
        raise table.fail(key, "each from_s must be below its to_s")
    return made


def parse_crowd(table: Table) -> CrowdSpec:
    table.only({each.name for each in fields(CrowdSpec)})
    return CrowdSpec(
        n=table.integer("n", None, 2, 2**31 - 1),
        capacity_J=table.span("capacity_J", 100.0, 1e-9, CAPACITY_MAX_J),
        soc_pct=table.span("soc_pct", [0, 100], 0, 100),
        load_W=table.span("load_W", 0.0, 0, CAPACITY_MAX_J),
    )


def parse_habit(table: Table) -> CordHabit:
    table.only({"power_W", "below_pct", "until_pct"})
    habit = CordHabit(
        table.number("power_W", 0.0, 0),
        table.number("below_pct", 20.0, 0, 100),
        table.number("until_pct", 90.0, 0, 100),
    )
    if habit.below_pct >= habit.until_pct:
        raise table.fail("until_pct", "must be above below_pct")
    return habit


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
    table.only({"trace", "format"})
    return TraceFile(table.string("trace", ""), table.string("format", "one", sorted(FORMATS)))


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
