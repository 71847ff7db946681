# SPDX-License-Identifier: MIT
"""The simulations behind Fig. 4 and 5: random draws, LAL, LAY and P_OA on the same contacts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from time import perf_counter
from typing import Any

import numpy as np

from crowdcharge.planner import PaperReading, Problem, lal, lay
from crowdcharge.planner.problem import Ints
from crowdcharge.policy.base import Encounter
from crowdcharge.policy.online_average import OnlineAverage
from crowdcharge.simulation.traces.bus_trace import bus_trace
from crowdcharge.simulation.traces.random_trace import random_trace

NO_BURNING = PaperReading(burning="refused")
CYCLES_MAX = 30
MEANS = (
    "contacts", "lal_time", "lay_time", "lay_last", "poa_time", "poa_lossless_time",
    "lay_loss", "poa_loss", "lal_ms", "lay_ms", "poa_ms",
)  # fmt: skip
STATIONS_GROWTH = 0.6  # stations for n buses: density * (n / 25) ** this


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    cycle: int
    e_max: float
    balanced_std: float  # P_OA counts as balanced below this standard deviation
    contacts: Callable[[int, int, np.random.Generator], Ints] = field(repr=False)

    def problem(self, n: int, beta: float, stations: int, rng: np.random.Generator) -> Problem:
        """Draw a problem with E0 uniform in e_min..e_max, e_min a tenth of e_max (section VI)."""
        e_min = 0.1 * self.e_max
        e0 = rng.uniform(e_min, self.e_max, n)
        contacts = self.contacts(n, stations, rng)
        return Problem(e0, contacts, self.cycle, e_min, self.e_max, beta)  # type: ignore[arg-type]  # scalars


def _random(n: int, _stations: int, rng: np.random.Generator) -> Ints:
    return random_trace(n, rng)


def _bus(n: int, stations: int, rng: np.random.Generator) -> Ints:
    return bus_trace(n, round(stations * (n / 25) ** STATIONS_GROWTH), rng)


RANDOM = Kind("random", 50, 100.0, 5.0, _random)
BUS = Kind("bus", 300, 1000.0, 50.0, _bus)


@dataclass(frozen=True, slots=True)
class Setting:
    kind: Kind
    n: int
    beta: float
    stations: int = 0  # of 25 buses


@dataclass(slots=True)
class SolverBoard:
    """An agent as P_OA sees it."""

    energy_J: float
    capacity_J: float
    gives_J: float = inf
    wants_J: float = inf
    coil_C: float = 25.0


def online_average(problem: Problem, balanced_std: float) -> tuple[int | None, float]:
    """Return the slot in which P_OA is balanced (None: too many cycles) and the loss so far."""
    boards = {
        i: SolverBoard(e, m)
        for i, (e, m) in enumerate(zip(problem.e0, problem.e_max, strict=True))
    }
    policy, rng = OnlineAverage(), np.random.default_rng(0)
    contacts, beta, loss = problem.contacts.tolist(), problem.contact_beta.tolist(), 0.0
    for cycle in range(CYCLES_MAX):
        before = 0
        for (i, j, t), lost in zip(contacts, beta, strict=True):
            if t != before and np.std([b.energy_J for b in boards.values()]) < balanced_std:
                return cycle * problem.cycle + before, loss
            before = t
            offer = policy.decide(Encounter(i, j), boards, float(cycle * problem.cycle + t), rng)
            if offer is not None:
                boards[offer.ptx].energy_J -= offer.energy_J
                boards[offer.prx].energy_J += (1 - lost) * offer.energy_J
                loss += lost * offer.energy_J
    return None, loss


def sweep(setting: Setting, count: int) -> dict[str, Any]:
    """Take means over the draws 0..count-1 that LAY solves; an unfinished P_OA has 30 cycles.

    LAY refuses to burn energy here, because a few burning plans would outweigh all others in the
    mean.
    """
    draw(setting, 0)  # compiles, so that the times mean something
    draws = [draw(setting, seed) for seed in range(count)]
    planned = [draw for draw in draws if draw["lay_time"] is not None]
    row: dict[str, Any] = {
        "n": setting.n,
        "beta": setting.beta,
        "stations": setting.stations,
        "draws": count,
        "lay_unreachable": count - len(planned),
        "poa_unfinished": sum(draw["poa_unfinished"] for draw in planned),
        "lay_over_one_cycle": sum(draw["lay_time"] > setting.kind.cycle for draw in planned),
    }
    for key in MEANS:
        values = [draw[key] for draw in planned if draw[key] is not None]
        row[key] = round(float(np.mean(values)), 2) if values else None
    if planned:
        late = [draw["poa_time"] > 2 * setting.kind.cycle for draw in planned]
        row["poa_over_two_cycles_pct"] = round(100 * float(np.mean(late)), 1)
        row["time_reduction_pct"] = round(100 * (1 - row["lay_time"] / row["poa_time"]), 1)
        row["loss_reduction_pct"] = round(100 * (1 - row["lay_loss"] / row["poa_loss"]), 1)
    return row


def draw(setting: Setting, seed: int) -> dict[str, Any]:
    """Plan by LAL and LAY and run P_OA on one drawn problem; `_time` in slots, `_ms` of CPU."""
    kind, rng = setting.kind, np.random.default_rng([seed, setting.n])
    problem = kind.problem(setting.n, setting.beta, setting.stations, rng)
    clock = [perf_counter()]
    shortest = lal(problem)
    clock.append(perf_counter())
    plan = lay(problem, reading=NO_BURNING)
    clock.append(perf_counter())
    time, loss = online_average(problem, kind.balanced_std)
    clock.append(perf_counter())
    own_ms = (np.diff(clock) * 1e3).tolist()
    lossless, _ = online_average(problem.lossless(), kind.balanced_std)
    return {
        "contacts": len(problem.contacts),
        "lal_time": shortest.time,
        "lay_time": plan.time,
        "lay_last": plan.last_transfer,
        "lay_loss": plan.loss,
        "poa_lossless_time": lossless if lossless is not None else CYCLES_MAX * problem.cycle,
        "lal_ms": own_ms[0],
        "lay_ms": own_ms[1],
        "poa_ms": own_ms[2],
        "poa_time": CYCLES_MAX * problem.cycle if time is None else time,
        "poa_loss": loss,
        "poa_unfinished": time is None,
    }
