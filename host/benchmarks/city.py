# SPDX-License-Identifier: MIT
"""A city's day on the compiled event simulator: time, memory and growth, beside mesa.

    python host/benchmarks/city.py [1000:86400 10000:86400 100000:86400 1000000:3600] [--rows FILE]

Every size is a process of its own, so that its peak memory is its own: a crowd at 4000 boards per
square kilometre (about Berlin's density of people), walking, with loads, cords, links that take
time, both ageing models, and P_OA; then the same day without exchange, and the figures of both.
mesa runs a smaller crowd by steps of 5 s in this process. Needs the extra `bench` (mesa 3.3).
`--rows` keeps what was measured; `python docs/images/city.py` draws docs/images/city.csv.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from crowdcharge.simulation.no_exchange import NoExchange
from crowdcharge.simulation.run import compared, run, summary
from crowdcharge.simulation.scenario import parse

M2_A_BOARD = 250.0
STEP_s = 5.0
HEADINGS = (
    "     system    boards  hours   wall s    CPU s peak MiB   transfers  ns/5 s  mesa's  load"
)
MESA = [(1000, 1800.0), (10_000, 360.0)]
CITY = """
duration_s = {end_s}
sample_s = {sample_s}
[crowd]
n = {n}
capacity_J = [30e3, 60e3]
load_W = [0.2, 0.8]
[contacts]
mobility = {{ side_m = {side_m} }}
[link]
power_W = 5
efficiency = 0.6
start_J = 1
[cord]
power_W = 5
"""


def city(n: int, end_s: float) -> str:
    return CITY.format(
        n=n,
        end_s=end_s,
        sample_s=end_s / (48 if n > 500_000 else 200),
        side_m=(n * M2_A_BOARD) ** 0.5,
    )


def measure(n: int, end_s: float) -> dict[str, float | str]:
    """Run one day, or a part of it, with and without exchange in this process."""
    warm = parse(city(100, 60.0))
    run(warm, 1, warm.link, compiled=True)
    scenario = parse(city(n, end_s))
    wall, cpu = time.perf_counter(), time.process_time()
    figures = []
    for policy in (NoExchange(), None):
        made = run(scenario, 1, scenario.link, None, policy, compiled=True)
        figures.append(summary(made, scenario))
        del made
    compared(*reversed(figures))
    return {
        "system": "crowdcharge",
        "n": n,
        "hours": end_s / 3600,
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "peak_MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "transfers": figures[1]["transfers"],
    }


def measure_mesa(n: int, end_s: float) -> dict[str, float | str]:
    """Run the like crowd in mesa, in this process, whose memory is not that of mesa alone."""
    from city_in_mesa import mesa_s  # noqa: PLC0415 - not in the processes that are measured

    wall, cpu_s = time.perf_counter(), mesa_s(n, end_s)
    wall_s = time.perf_counter() - wall
    return {"system": "mesa", "n": n, "hours": end_s / 3600, "wall_s": wall_s, "cpu_s": cpu_s}


def measure_apart(size: str) -> dict[str, float | str]:
    command = [sys.executable, __file__, "--one", size]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return dict(json.loads(output))


def told(row: dict[str, float | str], rival_ns: float) -> str:
    ns = ns_a_step(row)
    return (
        f"{row['system']:>11} {row['n']:>9,} {row['hours']:>6.2f} {row['wall_s']:>8.1f}"
        f" {row['cpu_s']:>8.1f} {row.get('peak_MiB', 0):>8.0f} {row.get('transfers', 0):>11,}"
        f" {ns:>7.0f} {rival_ns / ns:>6.0f}x {row['load']:>5.1f}"
    )


def ns_a_step(row: dict[str, float | str]) -> float:
    """Return the CPU nanoseconds for a board and five seconds of its life."""
    return 1e9 * STEP_s * float(row["cpu_s"]) / float(row["n"]) / float(row["hours"]) / 3600


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "sizes", nargs="*", default=["1000:86400", "10000:86400", "100000:86400", "1000000:3600"],
        help="boards:seconds",
    )  # fmt: skip
    parser.add_argument("--one", action="store_true", help="print one size as JSON")
    parser.add_argument("--rows", type=Path, help="write what was measured to this CSV file")
    given = parser.parse_args()
    sizes = [(int(n), float(end_s)) for n, end_s in (each.split(":") for each in given.sizes)]
    if given.one:
        print(json.dumps(measure(*sizes[0])))
        return
    rows: list[dict[str, float | str]] = []
    print(HEADINGS)
    for size in [*MESA, *given.sizes]:
        load = os.getloadavg()[0]
        try:
            row = measure_mesa(*size) if isinstance(size, tuple) else measure_apart(size)
        except ModuleNotFoundError:
            print("city: needs mesa: pip install -e '.[bench]'", file=sys.stderr)
            sys.exit(2)
        rows.append({**row, "load": load})
        print(told(rows[-1], ns_a_step(rows[0])), flush=True)
    if given.rows:
        with given.rows.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, [*rows[-1]], lineterminator="\n")
            table.writeheader()
            table.writerows(
                {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}
                for row in rows
            )


if __name__ == "__main__":
    main()
