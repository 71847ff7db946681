# SPDX-License-Identifier: MIT
"""A sweep of 200 runs on one worker and on two: how many times faster, and the same bytes.

    python host/benchmarks/sweep_workers.py [--runs 200] [--workers 2]

Wall clock, so the machine should have nothing else to do. `runs` is the time from the first run to
the table, with workers that have loaded all they need; `whole` also has their start and their end.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from crowdcharge.simulation.sweep import Job, jobs_of, run_sweep

SCENARIO = """
duration_s = 40000
[crowd]
n = 40
load_W = [0, 0.001]
[contacts]
random = 5
"""


def timed(jobs: list[Job], table: Path, workers: int) -> tuple[float, float]:
    """Return the seconds of the whole, and those after every worker has done its first runs."""
    times_s: list[float] = []
    start_s = time.perf_counter()
    run_sweep(jobs, table, lambda _done: times_s.append(time.perf_counter()), workers=workers)
    end_s = time.perf_counter()
    warm = 4 * workers
    share = (len(jobs) - warm) / len(jobs)
    return end_s - start_s, (times_s[-1] - times_s[warm]) / share


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
        took, tables = {}, []
        for workers in (1, given.workers):
            table = folder / f"{workers}.parquet"
            took[workers] = timed(jobs, table, workers)
            whole_s, runs_s = took[workers]
            print(f"{workers} worker(s): {len(jobs)} runs {runs_s:.1f} s, whole {whole_s:.1f} s")
            tables.append(table.read_bytes())
        whole, runs = (a / b for a, b in zip(took[1], took[given.workers], strict=True))
        print(f"faster: {runs:.2f} times, whole {whole:.2f} times")
        print(f"same bytes: {tables[0] == tables[1]}")


if __name__ == "__main__":
    main()
