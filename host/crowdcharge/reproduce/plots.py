# SPDX-License-Identifier: MIT
"""One line chart, for figures that are nothing but lines."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure as Canvas

Lines = Mapping[str, tuple[Sequence[float], Sequence[float]]]


def chart(path: Path, title: str, x: str, y: str, lines: Lines, style: str = "o-") -> None:
    """Draw one chart; the style "steps" holds values, and any other is matplotlib's."""
    canvas = Canvas(figsize=(7, 4.5), layout="constrained")
    axes = canvas.subplots()
    for name, (xs, ys) in lines.items():
        if style == "steps":
            axes.step(xs, ys, where="post", label=name)
        else:
            axes.plot(xs, ys, style, label=name)
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.legend(fontsize=7)
    axes.grid(alpha=0.3)
    canvas.savefig(path, dpi=120)
