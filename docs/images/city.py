# SPDX-License-Identifier: MIT
"""Draws city.png anew from city.csv: `python docs/images/city.py`.

`python host/benchmarks/city.py --rows docs/images/city.csv` measures the rows anew.
"""

import csv
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

HERE = Path(__file__).parent


def main() -> None:
    """Plot the processor time of a day against the size of the crowd, beside a straight line."""
    with (HERE / "city.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for system, style in (("crowdcharge", "C0-"), ("mesa", "C1--")):
        mine = [row for row in rows if row["system"] == system]
        axes.loglog([size(row) for row in mine], [day_s(row) for row in mine], style, label=system)
    for row in rows:
        whole = float(row["hours"]) == 24
        colour = "C0" if row["system"] == "crowdcharge" else "C1"
        axes.plot(size(row), day_s(row), "o", color=colour, mfc=colour if whole else "white")
    first = next(row for row in rows if row["system"] == "crowdcharge")
    sizes = [size(first), 1_000_000]
    linear_s = [day_s(first) / size(first) * n for n in sizes]
    axes.plot(sizes, linear_s, ":", color="0.5", label="linear")
    axes.plot([], [], "o", color="0.3", mfc="white", label="from a part of a day")
    axes.set(xlabel="boards", ylabel="processor time of a day, s")
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    figure.savefig(HERE / "city.png", dpi=100, metadata={"Software": None})


def size(row: dict[str, str]) -> int:
    return int(row["n"])


def day_s(row: dict[str, str]) -> float:
    """Return the processor time of 24 h, in seconds; that of a part of a day scaled."""
    return float(row["cpu_s"]) * 24 / float(row["hours"])


if __name__ == "__main__":
    main()
