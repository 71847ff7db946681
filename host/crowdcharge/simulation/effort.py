# SPDX-License-Identifier: MIT
"""PURE: estimate what a study asks for before it starts, so that none runs without an end."""

from math import ceil, pi
from typing import Any

from crowdcharge.simulation.compiling import RULES
from crowdcharge.simulation.mobility import RandomWaypoint
from crowdcharge.simulation.scenario_contacts import Generated, Intervals, Meetings, Slots

Described = Any  # scenario.Scenario, which reads its own size here before it is accepted

SAMPLES = 200  # of a run, unless the scenario says how far apart
HALVES = 2  # every seed is run with the policy and without any exchange

# One core needs an hour for about 10**8 contacts under a policy in Python and 10**9 under one that
# is compiled, 10**11 candidate pairs of walkers, or 10**11 meetings in the engine for closed
# crowds; the limits below keep the memory at some GB, too.
CONTACTS_MAX, COMPILED_CONTACTS_MAX = 20_000_000, 2_000_000_000
PAIRS_MAX = 200_000_000_000
MEETINGS_MAX = 100_000_000_000
SAMPLES_MAX = 100_000_000
BOARDS_MAX = 1_000_000
AGENTS_MAX = 50_000_000
CYCLE_CONTACTS_MAX = 1_000_000
BUSES_MAX, STATIONS_MAX = 2_000, 5_000


def too_much(scenario: Described) -> tuple[str, str] | None:
    """Return the key that asks for too much and what it asks for, or None. Costs no time."""
    crowd, runs = scenario.crowd, scenario.runs
    if scenario.engine == "compiled" and crowd is not None:
        assert isinstance(scenario.contacts, Meetings)
        return first_over(
            ("crowd.n", crowd.n * runs, AGENTS_MAX, "agents"),
            ("contacts.meetings", scenario.contacts.count * runs, MEETINGS_MAX, "meetings"),
        )
    boards = crowd.n if crowd else len(scenario.boards)
    end_s, times = end_of(scenario), HALVES * runs
    samples = SAMPLES if scenario.sample_s is None else max(1.0, end_s / scenario.sample_s)
    contacts, pairs = counted(scenario, boards, end_s)
    most = COMPILED_CONTACTS_MAX if scenario.policy in RULES else CONTACTS_MAX
    span = "runs" if runs > 1 else ("duration_s" if scenario.duration_s else "contacts")
    return first_over(
        ("crowd.n" if crowd else "boards", boards, BOARDS_MAX, "boards"),
        *generator_sizes(scenario, crowd),
        (span, contacts * times, most, "contacts to simulate"),
        (span, pairs * times, PAIRS_MAX, "pairs of walkers to look at"),
        (
            "sample_s" if scenario.sample_s else span,
            samples * boards * times,
            SAMPLES_MAX,
            "samples of boards to keep",
        ),
    )


def contacts_asked_for(scenario: Described) -> float:
    """Estimate the contacts of one run; 0 for those of a trace, which is not read here."""
    boards = scenario.crowd.n if scenario.crowd else len(scenario.boards)
    return counted(scenario, boards, end_of(scenario))[0]


def first_over(*counts: tuple[str, float, float, str]) -> tuple[str, str] | None:
    for key, count, most, what in counts:
        if count > most:
            return key, f"asks for about {count:.2g} {what}; the most is {most:.2g}"
    return None


def end_of(scenario: Described) -> float:
    spec = scenario.contacts
    if scenario.duration_s is not None:
        return float(scenario.duration_s)
    if isinstance(spec, Meetings):
        return spec.count * spec.every_s + spec.lasts_s
    if isinstance(spec, Intervals):
        return max((each[3] for each in spec.contacts), default=0.0)
    return 0.0  # a trace: known once it is read


def counted(scenario: Described, boards: int, end_s: float) -> tuple[float, float]:
    """Estimate the contacts of one run (and its empty slots), and the pairs that are looked at."""
    spec = scenario.contacts
    if isinstance(spec, Meetings):
        return spec.count, 0.0
    if isinstance(spec, Intervals):
        return len(spec.contacts), 0.0
    if isinstance(spec, Slots):
        a_slot = sum(map(len, spec.cycle)) / len(spec.cycle)
        return end_s / spec.slot_s * max(1.0, a_slot), 0.0
    if isinstance(spec, Generated):
        a_slot = boards * spec.density / 100 if spec.kind == "random" else boards / 10
        return end_s / spec.slot_s * max(1.0, a_slot), 0.0
    if isinstance(spec, RandomWaypoint):
        return walked(spec, boards, end_s)
    return 0.0, 0.0


def walked(spec: RandomWaypoint, boards: int, end_s: float) -> tuple[float, float]:
    """Estimate the contacts and legs of walkers in a square, and the pairs near each other."""
    leg_s = spec.pause_s + 0.52 * spec.side_m / spec.fastest_m_per_s
    legs = boards * (1 + end_s / leg_s)
    density = boards / spec.side_m**2
    window_s = spec.window_s(boards)
    windows = ceil(min(end_s / window_s, 1e300)) + 1
    reach_m = spec.range_m + spec.fastest_m_per_s * window_s
    pairs = windows * boards * min(boards, 1 + density * pi * reach_m**2) / 2
    swept = density * boards * spec.range_m * spec.fastest_m_per_s * end_s
    return legs + min(swept, pairs), pairs


def generator_sizes(scenario: Described, crowd: Any) -> list[tuple[str, float, float, str]]:
    spec = scenario.contacts
    if not isinstance(spec, Generated) or crowd is None:
        return []
    if spec.kind == "random":
        a_cycle = crowd.n * spec.density / 2
        return [("contacts.random", a_cycle, CYCLE_CONTACTS_MAX, "contacts a cycle")]
    return [
        ("crowd.n", crowd.n, BUSES_MAX, "buses"),
        ("contacts.bus", spec.density, STATIONS_MAX, "stations"),
    ]
