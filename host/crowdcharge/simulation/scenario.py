# SPDX-License-Identifier: MIT
"""The scenario file: TOML in, records out. docs/reference/scenario.md lists every key. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from math import inf
from typing import Any

from crowdcharge.errors import InputError
from crowdcharge.policy import Policy, make, parameters
from crowdcharge.profiles.naming import profile_names
from crowdcharge.simulation.effort import too_much
from crowdcharge.simulation.link import LinkModel
from crowdcharge.simulation.mobility import RandomWaypoint
from crowdcharge.simulation.scenario_contacts import (
    ContactSpec,
    Generated,
    Intervals,
    Meetings,
    Slots,
    TraceFile,
    named_boards,
    parse_contacts,
)
from crowdcharge.simulation.world import CordHabit
from crowdcharge.toml_table import Table

__all__ = [
    "BoardSpec", "CrowdSpec", "Generated", "Intervals", "Meetings", "Scenario", "Slots",
    "TraceFile", "parse",
]  # fmt: skip

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
    profile: tuple[str, ...] = ()
    pad: bool = False


@dataclass(frozen=True, slots=True)
class CrowdSpec:
    """`n` boards, numbered from 0; spans are drawn from uniformly with the run's seed.

    `profiles` are dealt to the boards in turn; each is the profiles of one board.
    """

    n: int
    capacity_J: Span
    soc_pct: Span
    load_W: Span
    profiles: tuple[tuple[str, ...], ...] = ()


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

    def profiles(self, ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
        """Return the names of each board's profiles; `ids` are all boards in their order."""
        if self.crowd is None:
            return {board.id: board.profile for board in self.boards}
        dealt = self.crowd.profiles
        return {each: dealt[at % len(dealt)] for at, each in enumerate(ids)} if dealt else {}

    def make_policy(self, beta: float | None = None) -> Policy:
        """Fill in from the scenario what the file leaves open: `beta` (the link's), and for plans
        cycle, slot, power and floor.
        """
        known = parameters(self.policy)
        facts: dict[str, Any] = {"power_W": self.link.power_W, "floor_pct": self.floor_pct}
        if beta is not None:
            facts["beta"] = beta
        if isinstance(self.contacts, Slots):
            facts |= {"cycle": self.contacts.cycle, "slot_s": self.contacts.slot_s}
        options = {key: value for key, value in facts.items() if key in known}
        return make(self.policy, **(options | self.policy_options))


ENGINES = ("events", "compiled")
COMPILED = ("oblivious-share", "online-average", "small-transfer")
TOP = {
    "name", "boards", "crowd", "contacts", "policy", "link", "cord", "duration_s", "sample_s",
    "floor_pct", "balanced_at", "cell_C", "seed", "runs", "engine",
    "bench",
}  # fmt: skip


def parse(
    text: str, name: str = "scenario.toml", changes: Mapping[str, Any] | None = None
) -> Scenario:
    """Read a scenario; InputError with the file's name, the line and the key.

    `changes` are values by dotted key that take the place of the text's.
    """
    top = Table.parse(text, name).changed(changes or {})
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
        policy=policy.string("name", "online-average"),
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
    if scenario.link.power_W == inf:
        check_timeless(scenario, top)
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
        raise top.fail("engine", why)
    key = "name"
    try:
        parameters(scenario.policy)
        key = ""
        scenario.make_policy()
    except InputError as error:
        raise top.table("policy").fail(key, str(error)) from None
    corded = [index for index, board in enumerate(scenario.boards) if board.cords]
    if corded and not scenario.habit.power_W:
        raise top.tables("boards")[corded[0]].fail("cords", "need power_W in [cord]")
    if excess := too_much(scenario):
        *tables, key = excess[0].split(".")
        table = top.table(tables[0]) if tables else top
        raise table.fail(key, excess[1])


def check_timeless(scenario: Scenario, top: Table) -> None:
    """Refuse what needs transfers that take time."""
    if scenario.curve:
        raise top.table("link").fail("curve", "a measured curve needs power_W")
    pads = [index for index, board in enumerate(scenario.boards) if board.pad]
    if pads:
        raise top.tables("boards")[pads[0]].fail("pad", "gives to several: needs link.power_W")


def not_plain(scenario: Scenario) -> str:
    """Say what the compiled engine cannot do of this scenario; empty when it can do all."""
    crowd, contacts = scenario.crowd, scenario.contacts
    plain = crowd is not None and isinstance(contacts, Meetings)
    found = {
        "contacts but random meetings of a [crowd]": not plain,
        "profiles": crowd is not None and bool(crowd.profiles),
        "loads": crowd is not None and crowd.load_W[1] > 0,
        "different capacities": crowd is not None and crowd.capacity_J[0] != crowd.capacity_J[1],
        "cords": scenario.habit.power_W > 0,
        "link power or start-up energy": scenario.link.power_W < inf or scenario.link.start_J > 0,
        "floor (set floor_pct = 0)": scenario.floor_pct > 0,
        "duration_s: it ends with the last meeting": scenario.duration_s is not None,
        f"policy {scenario.policy} (only {', '.join(COMPILED)})": scenario.policy not in COMPILED,
    }
    what = next((what for what, there in found.items() if there), "")
    return f"the compiled engine knows no {what}; use events" if what else ""


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
            cords=tuple(merged_spans(spans(table, "cords"))),
            profile=profile_names(table, "profile", table.raw("profile", [])),
            pad=table.raw("pad", False),
        )
        if type(board.pad) is not bool:
            raise table.fail("pad", "must be true or false")
        if board.leaves_s <= board.arrives_s:
            raise table.fail("leaves_s", "must be after arrives_s")
        if board.id in {other.id for other in boards}:
            raise table.fail("id", f"board {board.id} is there twice")
        boards.append(board)
    return tuple(boards)


def spans(table: Table, key: str) -> list[Span]:
    value = table.raw(key, [])
    good = isinstance(value, list) and all(isinstance(v, list) and len(v) == 2 for v in value)
    if not good:
        raise table.fail(key, "must be [[from_s, to_s], ...]")
    made = [(table.checked(key, low, 0), table.checked(key, high, 0)) for low, high in value]
    if any(low >= high for low, high in made):
        raise table.fail(key, "each from_s must be below its to_s")
    return made


def merged_spans(cords: list[Span]) -> list[Span]:
    """Sort spans and join those that overlap or touch."""
    joined: list[Span] = []
    for low, high in sorted(cords):
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined


def parse_crowd(table: Table) -> CrowdSpec:
    table.only({each.name for each in fields(CrowdSpec)})
    return CrowdSpec(
        n=table.integer("n", None, 2, 2**31 - 1),
        capacity_J=table.span("capacity_J", 100.0, 1e-9, CAPACITY_MAX_J),
        soc_pct=table.span("soc_pct", [0, 100], 0, 100),
        load_W=table.span("load_W", 0.0, 0, CAPACITY_MAX_J),
        profiles=tuple(
            profile_names(table, "profiles", each) for each in _listed(table, "profiles")
        ),
    )


def _listed(table: Table, key: str) -> list[Any]:
    value = table.raw(key, [])
    if not isinstance(value, list):
        raise table.fail(key, "must be a list")
    return value


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
