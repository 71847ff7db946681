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
from math import hypot

from crowdcharge.simulation.no_exchange import NoExchange
from crowdcharge.simulation.run import compared, run, summary
from crowdcharge.simulation.scenario import parse

M2_A_BOARD = 250.0
RANGE_m, STEP_s, POWER_W, EFFICIENCY = 1.0, 5.0, 5.0, 0.6
CITY = """
duration_s = {end_s}
sample_s = {sample_s}
[crowd]
n = {n}
capacity_J = [30e3, 60e3]
load_W = [0.2, 0.8]
[contacts]
mobility = {{ side_m = {side_m}, range_m = {range_m}, step_s = {step_s} }}
[link]
power_W = {power_W}
efficiency = {efficiency}
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
        range_m=RANGE_m,
        step_s=STEP_s,
        power_W=POWER_W,
        efficiency=EFFICIENCY,
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


# The rival: the same crowd in mesa, by steps, with what contacts and transfers a step can see.


def mesa_ns(n: int, end_s: float) -> float:
    """Return the CPU nanoseconds of mesa for a second of a board's life."""
    import mesa  # noqa: PLC0415 - main says if it is missing

    side_m = (n * M2_A_BOARD) ** 0.5

    class Walker(mesa.Agent):  # type: ignore[misc]
        def __init__(self, model: mesa.Model) -> None:
            super().__init__(model)
            draw = model.random
            self.x, self.y = draw.uniform(0, side_m), draw.uniform(0, side_m)
            self.capacity_J = draw.uniform(30e3, 60e3)
            self.energy_J, self.load_W = draw.uniform(0, self.capacity_J), draw.uniform(0.2, 0.8)
            self.total, self.met, self.rest_s, self.cord_W = 0.0, 0, 0.0, 0.0
            self.partners: set[Walker] = set()
            self.go()

        def go(self) -> None:
            draw = self.model.random
            self.to_x, self.to_y = draw.uniform(0, side_m), draw.uniform(0, side_m)
            self.speed = draw.uniform(0.5, 1.5)

        def walk(self) -> None:
            if self.rest_s > 0:
                self.rest_s -= STEP_s
                return
            dx, dy = self.to_x - self.x, self.to_y - self.y
            left_m, step_m = hypot(dx, dy), self.speed * STEP_s
            if left_m <= step_m:
                self.x, self.y, self.rest_s = self.to_x, self.to_y, 60.0
                self.go()
            else:
                self.x, self.y = self.x + dx * step_m / left_m, self.y + dy * step_m / left_m

        def live(self) -> None:
            self.energy_J += (self.cord_W - self.load_W) * STEP_s
            self.energy_J = min(max(self.energy_J, 0.0), self.capacity_J)
            if self.energy_J < 0.2 * self.capacity_J:
                self.cord_W = 5.0
            elif self.energy_J > 0.9 * self.capacity_J:
                self.cord_W = 0.0

        def above(self, level_J: float) -> bool:
            self.total += level_J if self.met else self.energy_J + level_J
            self.met += 1 if self.met else 2
            return self.energy_J * self.met > self.total

        def meet(self, other: "Walker") -> None:
            mine_J, theirs_J = self.energy_J, other.energy_J
            if self.above(theirs_J) == other.above(mine_J):
                return
            rich, poor = (self, other) if mine_J > theirs_J else (other, self)
            if rich.energy_J > 0.2 * rich.capacity_J and not rich.cord_W:
                rich.energy_J -= POWER_W * STEP_s
                poor.energy_J += EFFICIENCY * POWER_W * STEP_s

    class City(mesa.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(seed=1)
            self.walkers = [Walker(self) for _ in range(n)]

        def step(self) -> None:
            self.agents.do("walk")
            cells: dict[tuple[int, int], list[Walker]] = {}
            for each in self.walkers:
                cells.setdefault((int(each.x / RANGE_m), int(each.y / RANGE_m)), []).append(each)
            for each in self.walkers:
                near = {
                    other
                    for i in (-1, 0, 1)
                    for j in (-1, 0, 1)
                    for other in cells.get((int(each.x / RANGE_m) + i, int(each.y / RANGE_m) + j), ())
                    if other is not each and hypot(other.x - each.x, other.y - each.y) <= RANGE_m
                }
                for other in near - each.partners:
                    if other.unique_id > each.unique_id:
                        each.meet(other)
                each.partners = near
            self.agents.do("live")

    model = City()
    start = time.process_time()
    for _ in range(int(end_s / STEP_s)):
        model.step()
    return 1e9 * (time.process_time() - start) / n / end_s


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
        rival = mesa_ns(1000, 1800.0)
    except ModuleNotFoundError:
        print("city: needs mesa: pip install -e '.[bench]'", file=sys.stderr)
        sys.exit(2)
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"mesa, 1,000 boards, 0.5 h, steps of 5 s: {rival * STEP_s:.0f} CPU ns a board and step")
    print("   boards  hours   wall s    CPU s peak MB   transfers  ns/5 s    mesa's")
    for size in given.sizes:
        command = [sys.executable, __file__, "--one", size]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        print(told(json.loads(output), rival), flush=True)


if __name__ == "__main__":
    main()
