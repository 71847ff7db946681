# SPDX-License-Identifier: MIT
"""The plots of a run. Each function takes a Story and returns a matplotlib Figure."""

import math
from collections.abc import Callable

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from crowdcharge.report.story import Story

_FLOOR_pct = 20
_INK, _GRID = "#22313f", "#e3e8ee"
_LEGEND_MAX = 10


def colour(board_id: int) -> tuple[float, float, float, float]:
    """The same board has the same colour in every plot."""
    return colormaps["tab20"]((board_id - 1) % 20)


def soc(story: Story) -> Figure:
    figure, axes = _axes("State of charge", "board time, s", "%")
    for board_id, series in sorted(story.soc_pct.items()):
        times_s, values_pct = zip(*series, strict=True)
        axes.plot(times_s, values_pct, color=colour(board_id), label=f"board {board_id}", lw=2)
    axes.axhline(_FLOOR_pct, color="#c0392b", lw=1, ls="--")
    axes.text(1, _FLOOR_pct, " donor floor", color="#c0392b", va="bottom", ha="right",
              transform=axes.get_yaxis_transform(), fontsize=8)  # fmt: skip
    axes.set_ylim(0, 101)
    _legend(axes, len(story.soc_pct))
    return figure


def power(story: Story) -> Figure:
    figure, axes = _axes("Power of each transfer", "board time, s", "W")
    for transfer in story.transfers:
        for sides, style in ((story.sent_W, "-"), (story.received_W, ":")):
            series = sides.get(transfer.transfer_id, [])
            if series:
                times_s, watts_W = zip(*series, strict=True)
                axes.plot(times_s, watts_W, style, color=colour(transfer.ptx), lw=1.6)
    axes.plot([], [], "-", color=_INK, label="sent (colour: the donor)")
    axes.plot([], [], ":", color=_INK, label="received")
    axes.set_ylim(bottom=0)
    _legend(axes, 2)
    return figure


def flow(story: Story) -> Figure:
    """Boards on a circle; an arrow's width is the energy that left the donor."""
    figure = Figure(figsize=(5.2, 5.2), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title("Energy flow between boards", color=_INK, loc="left", fontweight="bold")
    boards = sorted(story.soc_pct)
    place = {
        board_id: (
            math.sin(2 * math.pi * i / len(boards)),
            math.cos(2 * math.pi * i / len(boards)),
        )
        for i, board_id in enumerate(boards)
    }
    flows_J = story.flows_J()
    largest_J = max(flows_J.values(), default=1.0)
    for (ptx, prx), energy_J in flows_J.items():
        arrow = FancyArrowPatch(
            place[ptx], place[prx], connectionstyle="arc3,rad=0.18", arrowstyle="-|>",
            mutation_scale=10 + 10 * energy_J / largest_J, lw=0.8 + 7 * energy_J / largest_J,
            color=colour(ptx), alpha=0.7, shrinkA=18, shrinkB=18,
        )  # fmt: skip
        axes.add_patch(arrow)
        if len(flows_J) <= _LEGEND_MAX:
            axes.text(
                *_beside(place[ptx], place[prx]), f"{energy_J:.1f} J", fontsize=8, ha="center"
            )
    size = 900 if len(boards) <= _LEGEND_MAX else 260
    for board_id, (x, y) in place.items():
        axes.scatter([x], [y], s=size, color=colour(board_id), zorder=3, edgecolors="white", lw=2)
        axes.text(
            x, y, str(board_id), ha="center", va="center", zorder=4, color="white", weight="bold"
        )
    axes.set(xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), aspect="equal")
    axes.axis("off")
    return figure


def efficiency(story: Story) -> Figure:
    figure, axes = _axes("Efficiency of each transfer", "energy sent, J", "received / sent, %")
    for transfer in story.metered:
        share_pct = 100 * transfer.received_mJ / transfer.sent_mJ
        axes.scatter(
            transfer.sent_mJ / 1000, share_pct, s=60, color=colour(transfer.ptx), alpha=0.85
        )
    axes.set_ylim(0, 101)
    axes.set_xlim(left=0)
    axes.text(0.98, 0.04, "between the two meters; colour: the donor", transform=axes.transAxes,
              ha="right", fontsize=8, color=_INK)  # fmt: skip
    return figure


PLOTS: dict[str, Callable[[Story], Figure]] = {
    "soc": soc,
    "power": power,
    "flow": flow,
    "efficiency": efficiency,
}


def _axes(title: str, x_label: str, y_label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, color=_INK, loc="left", fontweight="bold")
    axes.set_xlabel(x_label, color=_INK)
    axes.set_ylabel(y_label, color=_INK)
    axes.grid(color=_GRID)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _legend(axes: Axes, entries: int) -> None:
    if 0 < entries <= _LEGEND_MAX:
        axes.legend(frameon=False, ncols=min(entries, 5), fontsize=8, loc="upper right")


def _beside(start: tuple[float, float], end: tuple[float, float]) -> tuple[float, float]:
    """A place for a label: on the bulge of the curved arrow, before its middle."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    return (start[0] + dx * 0.4 + dy * 0.16, start[1] + dy * 0.4 - dx * 0.16)
