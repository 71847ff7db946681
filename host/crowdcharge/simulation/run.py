# SPDX-License-Identifier: MIT
"""PURE: run one scenario with one seed, and sum up what came of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crowdcharge.errors import InputError
from crowdcharge.files.numbers import whole
from crowdcharge.metrics import balancing_time, imbalance, jain_index
from crowdcharge.policy import Policy
from crowdcharge.policy.ageing import MODELS, capacity_losses
from crowdcharge.profiles.rules import rules_of
from crowdcharge.simulation.board import SimulatedBoard
from crowdcharge.simulation.board_rows import START, BoardRows, TransferRows, column
from crowdcharge.simulation.books import check_books, counted
from crowdcharge.simulation.contact_stream import contacts_of, in_parts
from crowdcharge.simulation.contacts import Contact
from crowdcharge.simulation.effort import SAMPLES, contacts_asked_for
from crowdcharge.simulation.link import LinkModel
from crowdcharge.simulation.mobility import RandomWaypoint
from crowdcharge.simulation.no_exchange import NoExchange
from crowdcharge.simulation.qoe import READY_SOC, DAY_s, quality_of_experience, wishes
from crowdcharge.simulation.scenario import Scenario
from crowdcharge.simulation.world import SimulatedTransfer, World

if TYPE_CHECKING:
    from crowdcharge.simulation.city.driver import CompiledWorld

Progress = Callable[[float], None]
Values = NDArray[np.float64]
COMPILED_FROM = 20_000  # contacts: fewer are done before a compiled engine is loaded


@dataclass(frozen=True, slots=True)
class SimulationRun:
    """One run: `energy_J` (k, boards) at `time_s` (k,), NaN while a board is away.

    `transfers` holds every transfer; of more than 2**18 every second, of more than twice as many
    every fourth, and so on. `transfer_count` is how many there were.
    `distance` is how far the crowd ends from the target of its policy (total variation distance),
    where the policy aims at another distribution than an even one; else None.
    """

    seed: int
    policy: str
    boards: Sequence[SimulatedBoard]
    time_s: Values
    energy_J: Values
    transfers: Sequence[SimulatedTransfer]
    transfer_count: int
    distance: float | None = None

    @property
    def capacity_J(self) -> Values:
        return column(self.boards, "capacity_J")

    @property
    def soc(self) -> Values:
        soc: Values = self.energy_J / self.capacity_J
        return soc

    def each_soc(self) -> Iterator[Values]:
        """Yield the states of charge of one sample after the other, without a second table."""
        capacity_J = self.capacity_J
        for row in self.energy_J:
            yield row / capacity_J

    @property
    def imbalance(self) -> Values:
        return np.array([imbalance(row[~np.isnan(row)]) for row in self.each_soc()])


def run(
    scenario: Scenario,
    seed: int,
    link: LinkModel,
    trace: list[Contact] | None = None,
    policy: Policy | None = None,
    progress: Progress | None = None,
    *,
    compiled: bool | None = None,
) -> SimulationRun:
    """Run a scenario once; the first sample is taken before the first event.

    `policy`, which has not decided yet, takes the place of the scenario's; `trace` holds the
    contacts of a TraceFile. What still runs at the end ends there. Large runs without a pad are
    `compiled`; the result is the same. WptError if transfers do not add up to boards.
    """
    seed, chosen = whole("seed", seed), policy or scenario.make_policy(link.beta)
    start = start_of(scenario, seed, trace)
    if compiled is None:
        compiled = is_large(scenario, trace)
    world: World | CompiledWorld
    if compiled and not start.rows["pad"].any():
        world, end_s = compiled_world(scenario, seed, link, trace, start, chosen)
    else:
        world, end_s = object_world(scenario, seed, link, trace, start, chosen)
    steps = SAMPLES if scenario.sample_s is None else max(1, ceil(end_s / scenario.sample_s))
    time_s = np.linspace(0, end_s, steps + 1)
    energy_J = np.empty((steps + 1, len(start)))
    energy_J[0] = energies(world.all_boards)  # before anything happens, even at time 0
    for k, now_s in enumerate(time_s[1:].tolist(), 1):
        world.run_to(now_s)
        energy_J[k] = energies(world.all_boards)
        if progress:
            progress(now_s / end_s if end_s else 1.0)
    world.finish()
    boards, transfers = world.all_boards, world.transfers
    count = len(transfers)
    if isinstance(boards, BoardRows) and isinstance(transfers, TransferRows):
        booked = boards.rows["booked_sent_J"], boards.rows["booked_received_J"]
        count = transfers.total
    else:
        booked = counted(boards, transfers)
    check_books(boards, start.rows["energy_J"], *booked)
    own_target = getattr(chosen, "distance", None)
    there_J = {board.id: board.energy_J for board in boards if board.present} if own_target else {}
    distance = own_target(there_J) if own_target else None
    return SimulationRun(seed, chosen.name, boards, time_s, energy_J, transfers, count, distance)


def is_large(scenario: Scenario, trace: list[Contact] | None) -> bool:
    """Say whether the compiled engine is worth its second of loading, and there."""
    contacts = contacts_asked_for(scenario) if trace is None else len(trace)
    return contacts >= COMPILED_FROM and find_spec("numba") is not None


def object_world(
    scenario: Scenario,
    seed: int,
    link: LinkModel,
    trace: list[Contact] | None,
    start: BoardRows,
    policy: Policy,
) -> tuple[World, float]:
    contacts, end_s = contacts_of(scenario, seed, start.ids, trace)
    rules = rules_of(scenario.profiles(start.ids), scenario.cell_C)
    world = World(
        start, contacts, policy, link, policys_rng(seed), scenario.floor_pct, scenario.habit,
        end_s, rules,
    )  # fmt: skip
    return world, end_s


def policys_rng(seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, 2])


def compiled_world(
    scenario: Scenario,
    seed: int,
    link: LinkModel,
    trace: list[Contact] | None,
    start: BoardRows,
    policy: Policy,
) -> "tuple[CompiledWorld, float]":
    from crowdcharge.simulation.city.driver import CitySetting, CompiledWorld  # noqa: PLC0415 - an extra

    contacts, end_s = contacts_of(scenario, seed, start.ids, trace)
    if type(policy) is NoExchange:
        parts: Iterator[NDArray[Any]] = iter(())
    elif isinstance(scenario.contacts, RandomWaypoint):
        parts = scenario.contacts.parts(len(start), end_s, seed)
    else:
        parts = in_parts(contacts, start.ids)
    rules = rules_of(scenario.profiles(start.ids), scenario.cell_C)
    setting = CitySetting(
        policy, policys_rng(seed), link, scenario.floor_pct, scenario.habit, end_s, rules
    )
    return CompiledWorld(start, parts, setting), end_s


def energies(boards: Sequence[SimulatedBoard]) -> Values:
    return np.where(column(boards, "present") > 0, column(boards, "energy_J"), np.nan)


def start_of(scenario: Scenario, seed: int, trace: list[Contact] | None) -> BoardRows:
    """Return the boards as they begin."""
    if scenario.crowd is None:
        specs = scenario.boards
        rows = np.array(
            [
                (
                    s.capacity_J,
                    s.capacity_J * s.soc_pct / 100,
                    s.load_W,
                    s.arrives_s,
                    s.leaves_s,
                    s.pad,
                )
                for s in specs
            ],
            START,
        )
        cords = {k: spec.cords for k, spec in enumerate(specs) if spec.cords}
        return BoardRows(rows, [spec.id for spec in specs], cords)
    crowd, rng = scenario.crowd, np.random.default_rng([seed, 0])
    ids: Sequence[int] = range(crowd.n)
    if trace is not None:
        ids = sorted({board for contact in trace for board in (contact.a, contact.b)})
        if len(ids) != crowd.n:
            raise InputError(f"crowd.n is {crowd.n}, but the trace names {len(ids)} nodes")
    rows = np.zeros(crowd.n, START)
    soc = rng.uniform(*crowd.soc_pct, crowd.n) / 100
    rows["capacity_J"] = rng.uniform(*crowd.capacity_J, crowd.n)
    rows["energy_J"] = rows["capacity_J"] * soc
    rows["load_W"] = rng.uniform(*crowd.load_W, crowd.n)
    rows["leaves_s"] = np.inf
    return BoardRows(rows, ids, {})


TOTALS = (
    "sent_J", "received_J", "used_J", "cord_J", "sessions", "outages", "outage_s",
)  # fmt: skip


def summary(made: SimulationRun, scenario: Scenario, ageing: bool = True) -> dict[str, Any]:
    """Sum up a run; ageing is the mean and the greatest lost share of capacity."""
    imbalances = made.imbalance
    total = {name: float(column(made.boards, name).sum()) for name in TOTALS}
    final = made.energy_J[-1] / made.capacity_J
    figures = {
        "policy": made.policy,
        "seed": made.seed,
        "imbalance_before": float(imbalances[0]),
        "imbalance_after": float(imbalances[-1]),
        "balancing_time_s": balancing_time(made.time_s, imbalances, scenario.balanced_at),
        "jain_index": jain_index(final[~np.isnan(final)]),
        "transfers": made.transfer_count,
        "sent_J": total["sent_J"],
        "received_J": total["received_J"],
        "loss_J": total["sent_J"] - total["received_J"],
        "used_J": total["used_J"],
        "cord_J": total["cord_J"],
        "cord_sessions": int(total["sessions"]),
        "outages": int(total["outages"]),
        "outage_s": total["outage_s"],
    }
    if made.distance is not None:
        figures["distance_to_target"] = made.distance
    return figures | ageing_figures(made, scenario) if ageing else figures


def ageing_figures(made: SimulationRun, scenario: Scenario) -> dict[str, Any]:
    """Compute ageing and quality of experience over the time that each board was present."""
    losses = losses_of(made, scenario.cell_C)
    seen, ready = np.zeros(len(made.boards)), np.zeros(len(made.boards))
    for soc in made.each_soc():
        seen += ~np.isnan(soc)
        ready += soc >= READY_SOC
    sessions = column(made.boards, "sessions")
    leaves_s = np.minimum(column(made.boards, "leaves_s"), made.time_s[-1])
    present_s = np.maximum(leaves_s - column(made.boards, "arrives_s"), 0.0)
    quality = {
        model: quality_of_experience(lost, seen, ready, sessions, present_s)
        for model, lost in losses.items()
    }
    made_wishes, fulfilled = wishes(made.each_soc(), made.time_s)
    board_days = present_s.sum() / DAY_s
    return {
        "wishes_fulfilled": fulfilled / made_wishes if made_wishes else None,
        "cord_sessions_a_day": float(sessions.sum() / board_days) if board_days else None,
        "capacity_lost": {
            model: {"mean": float(lost.mean()), "max": float(lost.max())}
            for model, lost in losses.items()
        },
        "qoe_mean": {
            model: float(values.mean()) if len(values) else None
            for model, values in quality.items()
        },
    }


def losses_of(made: SimulationRun, cell_C: float) -> dict[str, Values]:
    """Map each ageing model to the share of capacity that each board lost (n,)."""
    step_s = float(made.time_s[1] - made.time_s[0]) if len(made.time_s) > 1 else 0.0
    if isinstance(made.boards, BoardRows):
        from crowdcharge.simulation.city import ageing_kernels  # noqa: PLC0415 - an extra

        lost = ageing_kernels.capacity_losses(made.energy_J, made.capacity_J, step_s, cell_C)
        return dict(zip(MODELS, lost, strict=True))
    traces = [column[~np.isnan(column)] for column in made.soc.T]
    return capacity_losses([t if len(t) else np.zeros(1) for t in traces], step_s, cell_C)


def compared(with_policy: dict[str, Any], without: dict[str, Any]) -> dict[str, Any]:
    """Compare with a run without exchange: skipped sessions, avoided outages, ageing ratios.

    The battery lives so many times as long, where the same share is lost in the same time: what
    Ojha et al. (arXiv 2204.09311) call the users' benefit.
    """
    lost_ratios = {
        model: with_policy["capacity_lost"][model]["mean"] / lost["mean"] if lost["mean"] else None
        for model, lost in without["capacity_lost"].items()
    }
    return {
        "cord_sessions_skipped": without["cord_sessions"] - with_policy["cord_sessions"],
        "outage_s_avoided": without["outage_s"] - with_policy["outage_s"],
        "capacity_lost_ratio": lost_ratios,
        "battery_life_ratio": {
            model: 1 / ratio if ratio else None for model, ratio in lost_ratios.items()
        },
    }
