# SPDX-License-Identifier: MIT
"""PURE: run one scenario with one seed, and sum up what came of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdcharge.errors import InputError
from crowdcharge.metrics import balancing_time, imbalance, jain_index
from crowdcharge.policy import AgentView, Encounter, Offer, Policy
from crowdcharge.policy.ageing import capacity_losses
from crowdcharge.simulation.board import SimulatedBoard
from crowdcharge.simulation.books import check_books
from crowdcharge.simulation.contacts import Contact, from_slots, random_meetings
from crowdcharge.simulation.effort import SAMPLES
from crowdcharge.simulation.link import LinkModel
from crowdcharge.simulation.mobility import RandomWaypoint
from crowdcharge.simulation.qoe import quality_of_experience
from crowdcharge.simulation.rules import rules_of
from crowdcharge.simulation.scenario import Scenario
from crowdcharge.simulation.scenario_contacts import (
    Generated,
    Intervals,
    Meetings,
    Slots,
    TraceFile,
)
from crowdcharge.simulation.traces.bus_trace import bus_trace
from crowdcharge.simulation.traces.random_trace import random_trace
from crowdcharge.simulation.world import SimulatedTransfer, World

Progress = Callable[[float], None]


class NoExchange:
    """The baseline policy, in which no agent ever sends."""

    name = "no-exchange"

    def decide(
        self,
        encounter: Encounter,  # noqa: ARG002 - the interface
        views: Mapping[int, AgentView],  # noqa: ARG002
        now_s: float,  # noqa: ARG002
        rng: np.random.Generator,  # noqa: ARG002
    ) -> Offer | None:
        return None


@dataclass(frozen=True, slots=True)
class SimulationRun:
    """One run: `energy_J` (k, boards) at `time_s` (k,), NaN while a board is away."""

    seed: int
    policy: str
    boards: list[SimulatedBoard]
    time_s: NDArray[np.float64]
    energy_J: NDArray[np.float64]
    transfers: list[SimulatedTransfer]

    @property
    def soc(self) -> NDArray[np.float64]:
        soc: NDArray[np.float64] = self.energy_J / [board.capacity_J for board in self.boards]
        return soc

    @property
    def imbalance(self) -> NDArray[np.float64]:
        return np.array([imbalance(row[~np.isnan(row)]) for row in self.soc])


def run(
    scenario: Scenario,
    seed: int,
    link: LinkModel,
    trace: list[Contact] | None = None,
    policy: Policy | None = None,
    progress: Progress | None = None,
) -> SimulationRun:
    """Run a scenario once; the first sample is taken before the first event.

    `policy` takes the place of the scenario's; `trace` holds the contacts of a TraceFile.
    What still runs at the end ends there. WptError if transfers do not add up to boards.
    """
    boards = boards_of(scenario, seed, trace)
    contacts, end_s = contacts_of(scenario, seed, [board.id for board in boards], trace)
    chosen = policy or scenario.make_policy(link.beta)
    rng = np.random.default_rng([seed, 2])
    rules = rules_of(scenario.profiles([board.id for board in boards]))
    world = World(
        boards, contacts, chosen, link, rng, scenario.floor_pct, scenario.habit, end_s, rules
    )
    start_J = {board.id: board.energy_J for board in boards}
    steps = SAMPLES if scenario.sample_s is None else max(1, ceil(end_s / scenario.sample_s))
    time_s = np.linspace(0, end_s, steps + 1)
    rows = [energies(boards)]  # before anything happens, even at time 0
    for now_s in time_s[1:]:
        world.run_to(float(now_s))
        rows.append(energies(boards))
        if progress:
            progress(float(now_s) / end_s if end_s else 1.0)
    world.finish()
    check_books(boards, start_J, world.transfers)
    return SimulationRun(seed, chosen.name, boards, time_s, np.array(rows), world.transfers)


def energies(boards: Iterable[SimulatedBoard]) -> list[float]:
    return [board.energy_J if board.present else np.nan for board in boards]


def boards_of(scenario: Scenario, seed: int, trace: list[Contact] | None) -> list[SimulatedBoard]:
    if scenario.crowd is None:
        return [
            SimulatedBoard(
                spec.id,
                spec.capacity_J,
                spec.capacity_J * spec.soc_pct / 100,
                load_W=spec.load_W,
                arrives_s=spec.arrives_s,
                leaves_s=spec.leaves_s,
                cords=spec.cords,
                pad=spec.pad,
            )
            for spec in scenario.boards
        ]
    crowd, rng = scenario.crowd, np.random.default_rng([seed, 0])
    ids: Iterable[int] = range(crowd.n)
    if trace is not None:
        ids = sorted({board for contact in trace for board in (contact.a, contact.b)})
        if len(ids) != crowd.n:
            raise InputError(f"crowd.n is {crowd.n}, but the trace names {len(ids)} nodes")
    soc = rng.uniform(*crowd.soc_pct, crowd.n) / 100
    capacity_J = rng.uniform(*crowd.capacity_J, crowd.n)
    load_W = rng.uniform(*crowd.load_W, crowd.n)
    values = np.column_stack([capacity_J, capacity_J * soc, load_W]).tolist()
    return [SimulatedBoard(board_id, *row) for board_id, row in zip(ids, values, strict=True)]


def contacts_of(
    scenario: Scenario, seed: int, ids: list[int], trace: list[Contact] | None
) -> tuple[Iterator[Contact], float]:
    """Return the contacts in order, and the time at which the run ends."""
    spec, end_s = scenario.contacts, scenario.duration_s
    if isinstance(spec, Meetings):
        half = len(ids) // 2
        starts = spec.count if spec.scheduler == "pairs" else -(-spec.count // half)
        stream = random_meetings(
            ids, spec.count, spec.every_s, spec.lasts_s, seed, spec.scheduler == "matching"
        )
        last_s = (starts - 1) * spec.every_s + spec.lasts_s if starts else 0.0
        return stream, end_s if end_s is not None else last_s
    if isinstance(spec, Slots):
        assert end_s is not None
        return from_slots(spec.cycle, spec.slot_s, end_s), end_s
    contacts = sorted(listed_contacts(scenario, seed, ids, trace))
    if end_s is None:
        end_s = max((contact.end_s for contact in contacts), default=0.0)
    return iter(contacts), end_s


def listed_contacts(
    scenario: Scenario, seed: int, ids: list[int], trace: list[Contact] | None
) -> Iterable[Contact]:
    spec, rng = scenario.contacts, np.random.default_rng([seed, 1])
    if isinstance(spec, Intervals):
        return [Contact(start_s, end_s, a, b) for a, b, start_s, end_s in spec.contacts]
    if isinstance(spec, TraceFile):
        first_s = min(contact.start_s for contact in trace or [Contact(0, 0, 0, 0)])
        return [
            Contact(each.start_s - first_s, each.end_s - first_s, each.a, each.b)
            for each in trace or []
        ]
    assert scenario.duration_s is not None
    if isinstance(spec, RandomWaypoint):
        return spec.contacts(len(ids), scenario.duration_s, rng)
    assert isinstance(spec, Generated)
    return from_slots(generated_cycle(spec, len(ids), rng), spec.slot_s, scenario.duration_s)


def generated_cycle(
    spec: Generated, n: int, rng: np.random.Generator
) -> list[list[tuple[int, int]]]:
    """Draw the slots of a cycle by the planner's generators, which count slots from 1."""
    if spec.kind == "bus":
        contacts, length = bus_trace(n, int(spec.density), rng), 300
    else:
        contacts, length = random_trace(n, rng, contacts_per_agent=spec.density), 50
    cycle: list[list[tuple[int, int]]] = [[] for _ in range(length)]
    for a, b, slot in contacts.tolist():
        cycle[slot - 1].append((a, b))
    return cycle


def summary(made: SimulationRun, scenario: Scenario, ageing: bool = True) -> dict[str, Any]:
    """Sum up a run; ageing is the mean and the greatest lost share of capacity."""
    boards, imbalances = made.boards, made.imbalance
    sent, received = (
        sum(getattr(t, name) for t in made.transfers) for name in ("sent_J", "received_J")
    )
    final = made.soc[-1]
    figures = {
        "policy": made.policy,
        "seed": made.seed,
        "imbalance_before": float(imbalances[0]),
        "imbalance_after": float(imbalances[-1]),
        "balancing_time_s": balancing_time(made.time_s, imbalances, scenario.balanced_at),
        "jain_index": jain_index(final[~np.isnan(final)]),
        "transfers": len(made.transfers),
        "sent_J": sent,
        "received_J": received,
        "loss_J": sent - received,
        "used_J": sum(board.used_J for board in boards),
        "cord_J": sum(board.cord_J for board in boards),
        "cord_sessions": sum(board.sessions for board in boards),
        "outages": sum(board.outages for board in boards),
        "outage_s": sum(board.outage_s for board in boards),
    }
    return figures | ageing_figures(made, scenario) if ageing else figures


def ageing_figures(made: SimulationRun, scenario: Scenario) -> dict[str, Any]:
    """Compute ageing and quality of experience over the time that each board was present."""
    step_s = float(made.time_s[1] - made.time_s[0]) if len(made.time_s) > 1 else 0.0
    traces = [column[~np.isnan(column)] for column in made.soc.T]
    losses = capacity_losses(
        [t if len(t) else np.zeros(1) for t in traces], step_s, scenario.cell_C
    )
    sessions = np.array([board.sessions for board in made.boards], float)
    present_s = np.array([present_time_s(board, made.time_s[-1]) for board in made.boards])
    quality = {
        model: quality_of_experience(lost, made.soc, sessions, present_s)
        for model, lost in losses.items()
    }
    return {
        "capacity_lost": {
            model: {"mean": float(lost.mean()), "max": float(lost.max())}
            for model, lost in losses.items()
        },
        "qoe_mean": {
            model: float(values.mean()) if len(values) else None
            for model, values in quality.items()
        },
    }


def present_time_s(board: SimulatedBoard, end_s: float) -> float:
    return max(0.0, min(board.leaves_s, end_s) - board.arrives_s)


def compared(with_policy: dict[str, Any], without: dict[str, Any]) -> dict[str, Any]:
    """Compare with a run without exchange: skipped sessions, avoided outages, ageing ratios."""
    ratios = {
        model: with_policy["capacity_lost"][model]["mean"] / lost["mean"] if lost["mean"] else None
        for model, lost in without["capacity_lost"].items()
    }
    return {
        "cord_sessions_skipped": without["cord_sessions"] - with_policy["cord_sessions"],
        "outage_s_avoided": without["outage_s"] - with_policy["outage_s"],
        "capacity_lost_ratio": ratios,
    }
