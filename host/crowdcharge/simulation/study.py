# SPDX-License-Identifier: MIT
"""Run a whole study: read a scenario, run every seed, write tables and plots."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from crowdcharge.errors import InputError
from crowdcharge.files import read_text
from crowdcharge.metrics import balancing_time
from crowdcharge.simulation import output
from crowdcharge.simulation.contacts import Contact
from crowdcharge.simulation.effort import too_much
from crowdcharge.simulation.engine import Result, simulate
from crowdcharge.simulation.link import LinkModel, efficiency_at, read_curve
from crowdcharge.simulation.no_exchange import NoExchange
from crowdcharge.simulation.run import SimulationRun, compared, run, summary
from crowdcharge.simulation.scenario import Scenario, not_plain, parse
from crowdcharge.simulation.scenario_contacts import Meetings, TraceFile
from crowdcharge.simulation.traces.readers import read_trace
from crowdcharge.simulation.traces.rows import lines_of
from crowdcharge.simulation.traces.trace import Trace

Progress = Callable[[float], None]
SCENARIO_MAX_bytes = CURVE_MAX_bytes = 20_000_000
TRACE_MAX_bytes = 400_000_000
LISTED_MAX = 10_000  # boards in the JSON document; boards.csv has more


def load(path: Path) -> Scenario:
    return parse(read_text(path, SCENARIO_MAX_bytes), str(path))


def changed(scenario: Scenario, **values: Any) -> Scenario:
    """Replace values of a scenario; InputError if the new one is refused or asks for too much."""
    scenario = replace(scenario, **values)
    scenario.make_policy()
    if scenario.engine == "compiled" and (why := not_plain(scenario)):
        raise InputError(why)
    if excess := too_much(scenario):
        raise InputError(f"{scenario.name}: {excess[0]}: {excess[1]}")
    return scenario


def link_of(scenario: Scenario, folder: Path) -> LinkModel:
    """Return the scenario's link; a measured curve next to the file gives its efficiency."""
    if not scenario.curve:
        return scenario.link
    path = folder / scenario.curve
    curve = read_curve(lines_of(read_text(path, CURVE_MAX_bytes)), str(path))
    return replace(scenario.link, efficiency=efficiency_at(curve, scenario.link.power_W))


def read_trace_of(scenario: Scenario, folder: Path) -> Trace | None:
    """Read the scenario's trace file, if it has one."""
    spec = scenario.contacts
    if not isinstance(spec, TraceFile):
        return None
    path = folder / spec.path
    trace = read_trace(read_text(path, TRACE_MAX_bytes), str(path), spec.format, spec.options)
    last_s = trace.last_s - trace.first_s
    changed(scenario, duration_s=last_s if scenario.duration_s is None else scenario.duration_s)
    return trace


def trace_of(scenario: Scenario, folder: Path) -> list[Contact] | None:
    trace = read_trace_of(scenario, folder)
    return trace.contacts if trace else None


def run_study(
    scenario: Scenario, folder: Path, out: Path | None, progress: Progress
) -> dict[str, Any]:
    """Run a study and return a JSON-able document.

    Paths in the scenario are relative to `folder`; `out` takes the files, if it is given.
    """
    if scenario.engine == "compiled":
        return compiled_study(scenario, out, progress)
    link, trace = link_of(scenario, folder), read_trace_of(scenario, folder)
    figures, kept = [], []
    boards: dict[str, Any] = {}
    for index in range(scenario.runs):
        pair = []
        for half, policy in enumerate((None, NoExchange())):
            done = (2 * index + half) / (2 * scenario.runs)
            made = run(
                scenario,
                scenario.seed + index,
                link,
                trace.contacts if trace else None,
                policy,
                lambda part, done=done: progress(done + part / (2 * scenario.runs)),  # type: ignore[misc]
            )
            pair.append(summary(made, scenario))
            if out:
                kept.append(made)
            if not index and not half and len(made.boards) <= LISTED_MAX:
                boards["boards"] = board_list(made)
            del made  # its samples are the most of the memory
        figures.append({**pair[0], "against_no_exchange": compared(*pair)})
    written = output.write_runs(out, kept) if out else []
    read = {"trace": trace.document() | {"read": trace.described()}} if trace else {}
    return document(scenario, figures, written, **boards, **read)


def board_list(made: SimulationRun) -> list[dict[str, Any]]:
    """List the boards of a run as a bench run's summary does."""
    before, after = (100 * made.energy_J[k] / made.capacity_J for k in (0, -1))
    return [
        {
            "board_id": board.id,
            "soc_before_pct": None if np.isnan(before[k]) else float(before[k]),
            "soc_after_pct": None if np.isnan(after[k]) else float(after[k]),
            "sent_J": board.sent_J,
            "received_J": board.received_J,
        }
        for k, board in enumerate(made.boards)
    ]


def compiled_study(scenario: Scenario, out: Path | None, progress: Progress) -> dict[str, Any]:
    spec, crowd = scenario.contacts, scenario.crowd
    assert isinstance(spec, Meetings)
    assert crowd is not None
    results = []
    for index in range(scenario.runs):
        seed = scenario.seed + index
        soc = np.random.default_rng([seed, 0]).uniform(*crowd.soc_pct, crowd.n) / 100
        made = simulate(
            scenario.make_policy(scenario.link.beta),
            crowd.n,
            spec.count,
            scenario.link.beta,
            cast("Literal['pairs', 'matching']", spec.scheduler),
            seed,
            initial_J=crowd.capacity_J[0] * soc,
        )
        results.append(made)
        progress((index + 1) / scenario.runs)
    figures = [
        compiled_figures(made, scenario, scenario.seed + k) for k, made in enumerate(results)
    ]
    written = output.write_result(out, results, scenario.policy) if out else []
    return document(scenario, figures, written)


def compiled_figures(made: Result, scenario: Scenario, seed: int) -> dict[str, Any]:
    return {
        "policy": scenario.policy,
        "seed": seed,
        "engine": made.engine,
        "interactions": made.interactions,
        "imbalance_before": float(made.imbalance[0]),
        "imbalance_after": float(made.imbalance[-1]),
        "balanced_after_interactions": balancing_time(
            made.at, made.imbalance, scenario.balanced_at
        ),
        "loss_J": made.loss_J,
    }


def document(
    scenario: Scenario, figures: list[dict[str, Any]], written: list[Path], **more: Any
) -> dict[str, Any]:
    numbers = [
        key for key, value in figures[0].items() if type(value) in (int, float) and key != "seed"
    ]
    mean = {
        key: float(np.mean([run[key] for run in figures]))
        for key in numbers
        if all(run[key] is not None for run in figures)
    }
    return {
        "scenario": scenario.name,
        "policy": scenario.policy,
        "runs": figures,
        "mean": mean,
        **more,
        "files": [str(path) for path in written],
    }


def text_of(document: dict[str, Any]) -> str:
    runs = document["runs"]
    lines = [f"{document['scenario']}: {document['policy']}, {len(runs)} run(s), means"]
    lines += [f"  {key.replace('_', ' ')}: {value:.6g}" for key, value in document["mean"].items()]
    if "trace" in document:
        lines.insert(1, f"  read {document['trace']['read']}")
    against = runs[0].get("against_no_exchange")
    if against:
        lines.append("  against no exchange (first run):")
        ratios = against["capacity_lost_ratio"]
        lines += [
            f"    {key.replace('_', ' ')}: {against[key]:.6g}"
            for key in ("cord_sessions_skipped", "outage_s_avoided")
        ]
        lines += [
            f"    capacity lost, {model}: {'-' if ratio is None else format(ratio, '.4f')} times"
            for model, ratio in ratios.items()
        ]
    lines += [f"  wrote {path}" for path in document["files"]]
    return "\n".join(lines)
