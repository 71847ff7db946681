# SPDX-License-Identifier: MIT
"""The city's table in the documents has the rows that its figure is drawn from."""

import csv
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"


def test_the_table_is_that_of_the_measured_rows() -> None:
    page = (DOCS / "explanation" / "simulator.md").read_text(encoding="utf-8")
    with (DOCS / "images" / "city.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["system"] for row in rows} == {"crowdcharge", "mesa"}
    for row in rows:
        n, hours, cpu_s = int(row["n"]), float(row["hours"]), float(row["cpu_s"])
        us = 1e6 * 5 * cpu_s / n / hours / 3600
        peak = f"{float(row['peak_MiB']):.0f} MiB" if row["peak_MiB"] else "-"
        transfers = f"{int(row['transfers']):,}" if row["transfers"] else "-"
        cells = row["system"], f"{n:,}", f"{hours:g}", f"{cpu_s:.1f} s", peak, transfers
        assert f"| {' | '.join(cells)} | {us:.3f} |" in page
