# SPDX-License-Identifier: MIT
"""The plots of a run. Each function takes a Story and returns a matplotlib Figure.

Legends and notes stand outside of the axes, so that no text lies on a curve.
"""

import math
from collections.abc import Callable, Sequence
from datetime import datetime

from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch

from crowdcharge.report.marks import CARD, GRID, INK, RED, SOFT, hue, shape
from crowdcharge.report.story import Story

_FLOOR_pct = 20
_LEGEND_MAX = 12
_MARKS_PER_CURVE = 12


def soc(story: Story) -> Figure:
    figure, axes = _axes("State of charge", "%")
    for board_id, series in sorted(story.soc_pct.items()):
        times, values_pct = _columns(story, series)
        axes.plot(
            times, values_pct, color=hue(board_id), lw=1.8, label=str(board_id),
            marker=shape(board_id), ms=5, markevery=max(1, len(series) // _MARKS_PER_CURVE),
        )  # fmt: skip
    axes.axhline(_FLOOR_pct, color=RED, lw=1, ls="--", label="donor floor")
    axes.set_ylim(0, 101)
    _time_axis(story, axes)
    _legend(figure, axes, "board")
    return figure


def power(story: Story) -> Figure:
    """Draw the power in steps: a value stands until the next renewal brings another."""
    figure, axes = _axes("Power of each transfer", "W")
    donors = sorted({transfer.ptx for transfer in story.transfers})
    for transfer in story.transfers:
        for sides, style, mark in ((story.sent_W, "-", True), (story.received_W, ":", False)):
            series = sides.get(transfer.transfer_id, [])
            if series:
                times, watts_W = _columns(story, series)
                axes.plot(
                    times, watts_W, style, color=hue(transfer.ptx), lw=1.4,
                    drawstyle="steps-post", marker=shape(transfer.ptx) if mark else ".",
                    ms=4 if mark else 3, markevery=max(1, len(series) // _MARKS_PER_CURVE),
                )  # fmt: skip
    axes.plot([], [], "-", color=INK, label="sent")
    axes.plot([], [], ":", color=INK, label="received")
    for board_id in donors[:_LEGEND_MAX]:
        axes.plot([], [], color=hue(board_id), marker=shape(board_id), label=str(board_id))
    axes.set_ylim(bottom=0)
    _time_axis(story, axes)
    _legend(figure, axes, "donor")
    return figure


def flow(story: Story) -> Figure:
    """Boards on a circle; an arrow's width is the energy that left the donor."""
    figure = Figure(figsize=(5.2, 5.6), layout="constrained", facecolor="none")
    axes = figure.add_subplot()
    axes.set_title("Energy flow between boards", color=INK, loc="left", fontweight="bold")
    boards = sorted({*story.soc_pct, *(board for pair in story.flows_J() for board in pair)})
    place = {board_id: _on_circle(i, len(boards)) for i, board_id in enumerate(boards)}
    flows_J = story.flows_J()
    largest_J = max(flows_J.values(), default=1.0)
    for (ptx, prx), energy_J in flows_J.items():
        arrow = FancyArrowPatch(
            place[ptx], place[prx], connectionstyle="arc3,rad=0.18", arrowstyle="-|>",
            mutation_scale=10 + 10 * energy_J / largest_J, lw=0.8 + 7 * energy_J / largest_J,
            color=hue(ptx), alpha=0.7, shrinkA=18, shrinkB=18,
        )  # fmt: skip
        axes.add_patch(arrow)
    size = 700 if len(boards) <= _LEGEND_MAX else 220
    for board_id, (x, y) in place.items():
        axes.scatter([x], [y], s=size, color=hue(board_id), marker=shape(board_id), zorder=3)
        axes.text(
            x, y, str(board_id), ha="center", va="center", zorder=4, color=CARD, weight="bold"
        )
    axes.set(xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), aspect="equal")
    axes.axis("off")
    if 0 < len(flows_J) <= _LEGEND_MAX:
        told = [
            (pair[0], f"{pair[0]} to {pair[1]}: {each:.1f} J") for pair, each in flows_J.items()
        ]
        lines = [Line2D([], [], color=hue(ptx), lw=3, label=text) for ptx, text in told]
        _outside(figure, lines, None, columns=3)
    return figure


def efficiency(story: Story) -> Figure:
    figure, axes = _axes("Efficiency of each settled transfer", "received / sent, %")
    axes.set_xlabel("energy sent, J (between the two meters)", color=SOFT)
    for transfer in story.settled:
        share_pct = 100 * transfer.received_mJ / transfer.sent_mJ
        axes.scatter(
            transfer.sent_mJ / 1000, share_pct, s=46, color=hue(transfer.ptx), alpha=0.85,
            marker=shape(transfer.ptx),
        )  # fmt: skip
    for board_id in sorted({transfer.ptx for transfer in story.settled})[:_LEGEND_MAX]:
        axes.plot([], [], color=hue(board_id), marker=shape(board_id), ls="", label=str(board_id))
    axes.set_ylim(
        0, max([101.0, *(100 * each.received_mJ / each.sent_mJ for each in story.settled)])
    )
    axes.set_xlim(left=0)
    _legend(figure, axes, "donor")
    return figure


PLOTS: dict[str, Callable[[Story], Figure]] = {
    "soc": soc,
    "power": power,
    "flow": flow,
    "efficiency": efficiency,
}


def _on_circle(index: int, count: int) -> tuple[float, float]:
    angle = 2 * math.pi * index / count
    return math.sin(angle), math.cos(angle)


def _axes(title: str, y_label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.8, 3.8), layout="constrained", facecolor="none")
    axes = figure.add_subplot(facecolor="none")
    axes.set_title(title, color=INK, loc="left", fontweight="bold")
    axes.set_ylabel(y_label, color=SOFT)
    axes.grid(color=GRID)
    axes.tick_params(colors=SOFT)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(SOFT)
    return figure, axes


def _columns(
    story: Story, series: Sequence[tuple[float, float]]
) -> tuple[Sequence[float], Sequence[float]]:
    """Return times as matplotlib wants them, and values."""
    times_s, values = zip(*series, strict=True)
    begins_unix_s = story.begins_unix_s
    if begins_unix_s is None or not _by_day(story):
        return times_s, values
    moments = [datetime.fromtimestamp(begins_unix_s + each) for each in times_s]
    return date2num(moments), values  # type: ignore[no-untyped-call]


def _by_day(story: Story) -> bool:
    """Several runs are drawn by the time of day, one by the boards' clock."""
    return story.begins_unix_s is not None and len(story.periods) > 1


def _time_axis(story: Story, axes: Axes) -> None:
    if not _by_day(story) or story.begins_unix_s is None:
        axes.set_xlabel("board time, s", color=SOFT)
        return
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.xaxis.get_offset_text().set_color(SOFT)
    zone = datetime.fromtimestamp(story.begins_unix_s).astimezone().tzname()
    axes.set_xlabel(f"time of day ({zone}); between runs there is a gap", color=SOFT)


def _legend(figure: Figure, axes: Axes, title: str) -> None:
    lines, labels = axes.get_legend_handles_labels()
    if 0 < len(labels) <= _LEGEND_MAX + 2:
        _outside(figure, lines, title, columns=8)


def _outside(figure: Figure, lines: Sequence[object], title: str | None, columns: int) -> None:
    figure.legend(
        handles=lines, title=title, loc="outside lower left", ncols=min(len(lines), columns),
        frameon=False, labelcolor=INK, fontsize=9, title_fontproperties={"size": 9},
    ).get_title().set_color(SOFT)  # fmt: skip
