# SPDX-License-Identifier: MIT
"""Results of scenario runs as CSV tables and plots."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from crowdcharge.escaping import csv_cell
from crowdcharge.files.marker import result
from crowdcharge.simulation.engine import Result
from crowdcharge.simulation.run import SimulationRun


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with result(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(tuple(map(csv_cell, row)) for row in rows)


def write_runs(out: Path, runs: Sequence[SimulationRun]) -> list[Path]:
    """Write samples, boards and transfers as CSV, imbalance and soc as PNG; return the paths."""
    paths = [out / name for name in ("samples.csv", "boards.csv", "transfers.csv")]
    write_table(paths[0], SAMPLE_COLUMNS, (row for made in runs for row in sample_rows(made)))
    write_table(paths[1], BOARD_COLUMNS, (row for made in runs for row in board_rows(made)))
    write_table(paths[2], TRANSFER_COLUMNS, (row for made in runs for row in transfer_rows(made)))
    return [*paths, plot_imbalance(out, runs), plot_soc(out, runs[0])]


SAMPLE_COLUMNS = ("seed", "policy", "time_s", "present", "imbalance", "total_J", "soc_mean_pct")
BOARD_COLUMNS = (
    "seed", "policy", "id", "capacity_J", "soc_before_pct", "soc_after_pct", "sent_J",
    "received_J", "used_J", "cord_J", "cord_sessions", "outages", "outage_s",
)  # fmt: skip
TRANSFER_COLUMNS = (
    "seed", "policy", "start_s", "end_s", "ptx", "prx", "offered_J", "sent_J", "received_J",
    "ended_by",
)  # fmt: skip


def sample_rows(made: SimulationRun) -> Iterable[Sequence[Any]]:
    for time_s, energy, soc, spread in zip(
        made.time_s, made.energy_J, made.each_soc(), made.imbalance, strict=True
    ):
        there = int((~np.isnan(energy)).sum())
        mean_pct = 100 * float(np.nanmean(soc)) if there else float("nan")
        yield made.seed, made.policy, time_s, there, spread, np.nansum(energy), mean_pct


def board_rows(made: SimulationRun) -> Iterable[Sequence[Any]]:
    ends_pct = 100 * made.energy_J[[0, -1]] / made.capacity_J
    for index, board in enumerate(made.boards):
        yield (
            made.seed, made.policy, board.id, board.capacity_J, *ends_pct[:, index],
            board.sent_J, board.received_J, board.used_J, board.cord_J, board.sessions,
            board.outages, board.outage_s,
        )  # fmt: skip


def transfer_rows(made: SimulationRun) -> Iterable[Sequence[Any]]:
    for t in made.transfers:
        yield (
            made.seed, made.policy, t.start_s, t.end_s, t.ptx.id, t.prx.id, t.offered_J,
            t.sent_J, t.received_J, t.ended_by,
        )  # fmt: skip


def write_result(out: Path, results: Sequence[Result], policy: str) -> list[Path]:
    """Write the compiled engine's samples.csv and imbalance.png; return the paths."""
    path = out / "samples.csv"
    rows = (
        (run, policy, at, spread, total_J)
        for run, made in enumerate(results)
        for at, spread, total_J in zip(made.at, made.imbalance, made.total_J, strict=True)
    )
    write_table(path, ("run", "policy", "interactions", "imbalance", "total_J"), rows)
    curves = [(made.at, made.imbalance, policy) for made in results]
    return [path, plot_curves(out / "imbalance.png", curves, "interactions")]


def plot_imbalance(out: Path, runs: Sequence[SimulationRun]) -> Path:
    curves = [(made.time_s, made.imbalance, made.policy) for made in runs]
    return plot_curves(out / "imbalance.png", curves, "time (s)")


def plot_curves(path: Path, curves: Sequence[tuple[Any, Any, str]], x_label: str) -> Path:
    figure, axes = new_figure()
    names = list(dict.fromkeys(name for _, _, name in curves))
    for x, y, name in curves:
        first = axes.get_legend_handles_labels()[1].count(name) == 0
        axes.plot(x, y, f"C{names.index(name)}", alpha=0.7, label=name if first else None)
    axes.set(xlabel=x_label, ylabel="imbalance (total variation distance)", ylim=(0, None))
    axes.legend()
    save(figure, path)
    return path


def plot_soc(out: Path, made: SimulationRun) -> Path:
    """Plot every board if there are few, and else the quantiles of the crowd."""
    figure, axes = new_figure()
    soc_pct = 100 * made.soc
    if len(made.boards) <= 12:
        for column, board in zip(soc_pct.T, made.boards, strict=True):
            axes.plot(made.time_s, column, label=str(board.id))
        axes.legend(title="board", ncols=2)
    else:
        there = ~np.isnan(soc_pct).all(axis=1)
        for quantile in (0, 0.1, 0.5, 0.9, 1):
            values = np.nanquantile(soc_pct[there], quantile, axis=1)
            axes.plot(made.time_s[there], values, label=f"{quantile:.0%}")
        axes.legend(title="share of boards below")
    axes.set(xlabel="time (s)", ylabel="state of charge (%)", ylim=(0, 101))
    axes.set_title(f"{made.policy}, seed {made.seed}")
    path = out / "soc.png"
    save(figure, path)
    return path


def save(figure: Any, path: Path) -> None:
    with result(path) as beside:
        figure.savefig(beside)


def new_figure(rows: int = 1, columns: int = 1) -> tuple[Any, Any]:
    """Make a figure without pyplot, so that there is no window and no global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - slow to load
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(8, 5), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns)
