# SPDX-License-Identifier: MIT
"""A city's day on the compiled event simulator: time, memory and growth, beside mesa.

    python host/benchmarks/city.py [1000:86400 10000:86400 100000:86400 1000000:360]

Every size is a process of its own, so that its peak memory is its own: a crowd at 4000 boards per
square kilometre (about Berlin's density of people), walking, with loads, cords, links that take
time, both ageing models, and P_OA; then the same day without exchange, and the figures of both.
mesa runs a smaller crowd by steps of 5 s in this process. Needs the extra `bench` (mesa 3.3).
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time

from crowdcharge.simulation.no_exchange import NoExchange
from crowdcharge.simulation.run import compared, run, summary
from crowdcharge.simulation.scenario import parse

M2_A_BOARD = 250.0
STEP_s = 5.0
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


def measure(n: int, end_s: float) -> dict[str, float]:
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
        "n": n,
        "hours": end_s / 3600,
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "peak_MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "transfers": figures[1]["transfers"],
    }


def told(found: dict[str, float], rival: float) -> str:
    board_s = found["n"] * found["hours"] * 3600
    ns = 1e9 * found["cpu_s"] / board_s
    return (
        f"{found['n']:>9,} {found['hours']:>6.2f} {found['wall_s']:>8.1f} {found['cpu_s']:>8.1f}"
        f" {found['peak_MB']:>7.0f} {found['transfers']:>11,} {ns * STEP_s:>9.0f}"
        f" {rival / ns:>9.0f}x"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "sizes", nargs="*", default=["1000:86400", "10000:86400", "100000:86400", "1000000:360"],
        help="boards:seconds",
    )  # fmt: skip
    parser.add_argument("--one", action="store_true", help="print one size as JSON")
    given = parser.parse_args()
    sizes = [(int(n), float(end_s)) for n, end_s in (each.split(":") for each in given.sizes)]
    if given.one:
        print(json.dumps(measure(*sizes[0])))
        return
    try:
        from city_in_mesa import mesa_ns  # noqa: PLC0415 - not in the processes that are measured
    except ModuleNotFoundError:
        print("city: needs mesa: pip install -e '.[bench]'", file=sys.stderr)
        sys.exit(2)
    rival = mesa_ns(1000, 1800.0)
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"mesa, 1,000 boards, 0.5 h, steps of 5 s: {rival * STEP_s:.0f} CPU ns a board and step")
    print("   boards  hours   wall s    CPU s peak MB   transfers  ns/5 s    mesa's")
    for size in given.sizes:
        command = [sys.executable, __file__, "--one", size]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        print(told(json.loads(output), rival), flush=True)


if __name__ == "__main__":
    main()
