# SPDX-License-Identifier: MIT
"""A sweep of 200 runs on one worker and on two: how many times faster, and the same bytes.

    python host/benchmarks/sweep_workers.py [--runs 200] [--workers 2]

Wall clock, without the start of the workers. The two take turns, 50 runs at a time, so that what
else the machine does hits both; for a clean figure it should do nothing else.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from crowdcharge.files.arrow import write_parquet
from crowdcharge.simulation.sweep.cluster import client_of, done_by
from crowdcharge.simulation.sweep.columns import table_of
from crowdcharge.simulation.sweep.jobs import Figures, Job, jobs_of

SCENARIO = """
duration_s = 40000
[crowd]
n = 40
load_W = [0, 0.001]
[contacts]
random = 5
"""


TURN = 50  # runs
WARM = 8  # runs for each to load what it needs


def timed(client: Any, jobs: list[Job], figures: dict[str, Figures]) -> float:
    start_s = time.perf_counter()
    for job, made in done_by(client, jobs):
        figures[job.key] = made
    return time.perf_counter() - start_s


def bytes_of(path: Path, jobs: list[Job], figures: dict[str, Figures]) -> bytes:
    varied, seeds = [job.changes for job in jobs], [job.seed for job in jobs]
    write_parquet(path, *table_of(varied, seeds, [figures[job.key] for job in jobs]))
    return path.read_bytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "s.toml").write_text(SCENARIO, encoding="utf-8")
        (folder / "w.toml").write_text(
            f"seeds = {given.runs // 4}\n[vary]\nlink.efficiency = [0.6, 0.7, 0.8, 0.9]\n",
            encoding="utf-8",
        )
        jobs = jobs_of(folder / "s.toml", folder / "w.toml")
        with client_of(None, 1) as one, client_of(None, given.workers) as many:
            figures: list[dict[str, Figures]] = [{}, {}]
            took_s = [0.0, 0.0]
            for client in (one, many):
                timed(client, jobs[:WARM], {})
            for first in range(0, len(jobs), TURN):
                for k, client in enumerate((one, many)):
                    took_s[k] += timed(client, jobs[first : first + TURN], figures[k])
        tables = [bytes_of(folder / "t.parquet", jobs, each) for each in figures]
    print(f"{len(jobs)} runs: 1 worker {took_s[0]:.1f} s, {given.workers} {took_s[1]:.1f} s")
    print(f"faster: {took_s[0] / took_s[1]:.2f} times; same bytes: {tables[0] == tables[1]}")


if __name__ == "__main__":
    main()
