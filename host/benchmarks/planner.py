# SPDX-License-Identifier: MIT
"""LAL and LAY against lp_solve 5.5 and HiGHS: all on the same instances, in one run, on one core.

    python host/benchmarks/planner.py lal --trace random --n 100
    python host/benchmarks/planner.py lyp --trace bus --n 100 500
    python host/benchmarks/planner.py memory --trace bus --n 500

`lal`: the whole search for the shortest time. Rivals solve the lossless program for each horizon
(doubling, then halving over contact times, idle time cut off every plan).
`lyp`: the least loss within one cycle.
Ours is all of Problem to Plan. Of a rival there are two figures: its solve calls alone (HiGHS:
model handed over and solved), and the whole, with the program made as arrays before each call.
Times are of the processor, so that other work on the machine does not count.
Needs Debian's lp-solve for the lp_solve column; `--rivals highs highs-ipm` leaves it out.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from planner_programs import HighsSolver, LpSolver, Program, program

from crowdcharge.planner import Problem, lal, lyp
from crowdcharge.simulation.traces.bus_trace import bus_trace
from crowdcharge.simulation.traces.random_trace import random_trace

SOLVERS = {
    "highs": lambda lp: HighsSolver(lp, "simplex"),
    "highs-ipm": lambda lp: HighsSolver(lp, "ipm"),
    "lp_solve": LpSolver,
}
OWN_REPEATS = 7


def instance(trace: str, n: int, seed: int) -> Problem:
    rng = np.random.default_rng([seed, n])
    if trace == "random":
        contacts = random_trace(n, rng, contacts_per_agent=5.0 if n <= 100 else 10.0)
        return Problem(rng.uniform(10, 100, n), contacts, 50, 10, 100, 0.2)
    contacts = bus_trace(n, round(190 * (n / 25) ** 0.6), rng)
    return Problem(rng.uniform(100, 1000, n), contacts, 300, 100, 1000, 0.2)


def own_ms(work: Callable[[], object]) -> float:
    """Best of several runs, after one that compiles."""
    work()
    times = []
    for _ in range(OWN_REPEATS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times) * 1e3


class Solved(NamedTuple):
    lp: Program
    loss: float
    values: np.ndarray

    def last_used(self, times: np.ndarray) -> int:
        sent = np.abs(self.values[: 2 * len(self.lp.slot)].reshape(2, -1)).max(0) > 1e-7
        return int(np.searchsorted(times, self.lp.slot[sent].max()))


class Rival:
    """One solver, with the time spent in its solve calls, and with all that a solve takes."""

    def __init__(self, name: str) -> None:
        self.name, self.calls_ms, self.whole_ms = name, 0.0, 0.0

    def solve(self, problem: Problem, until: int, lossy: bool) -> Solved | None:
        begun = time.process_time()
        lp = program(problem, until, lossy)
        solver = SOLVERS[self.name](lp)
        start = time.process_time()
        solved = solver.solve()
        self.calls_ms += (time.process_time() - start) * 1e3
        answer = Solved(lp, solver.loss(), solver.values()) if solved else None
        solver.close()
        self.whole_ms += (time.process_time() - begun) * 1e3
        return answer

    def shortest(self, problem: Problem, max_doublings: int = 3) -> int | None:
        """LAL as the paper searches, with both improvements of its section V."""
        for k in range(max_doublings + 1):
            after, until = (0 if k == 0 else problem.cycle << (k - 1)), problem.cycle << k
            if (solved := self.solve(problem, until, lossy=False)) is None:
                continue
            slots = solved.lp.slot
            times = np.unique(slots[slots > after])
            low, high = -1, solved.last_used(times)
            while high - low > 1:
                middle = (low + high) // 2
                if (solved := self.solve(problem, int(times[middle]), lossy=False)) is None:
                    low = middle
                else:
                    high = solved.last_used(times)
            return int(times[high])
        return None


def run_lal(problem: Problem, rivals: list[Rival]) -> float:
    plan = lal(problem)
    for rival in rivals:
        found = rival.shortest(problem)
        assert found == plan.time, f"{rival.name} says {found}, lal {plan.time}"
    return own_ms(lambda: lal(problem))


def run_lyp(problem: Problem, rivals: list[Rival]) -> float:
    plan = lyp(problem, problem.cycle)
    assert plan.ok, "take another seed: no effective plan within one cycle"
    for rival in rivals:
        solved = rival.solve(problem, problem.cycle, lossy=True)
        assert solved is not None
        assert abs(solved.loss - plan.loss) < 1e-6 * plan.loss, (rival.name, solved.loss)
    return own_ms(lambda: lyp(problem, problem.cycle))


def instances(args: argparse.Namespace, n: int) -> list[Problem]:
    found, seed = [], args.seed
    while len(found) < args.instances:
        problem = instance(args.trace, n, seed)
        seed += 1
        if (lal(problem) if args.what == "lal" else lyp(problem, problem.cycle)).ok:
            found.append(problem)
    return found


def compare(args: argparse.Namespace) -> None:
    run = run_lal if args.what == "lal" else run_lyp
    heads = [f"{name} ms, calls/ours, whole/ours" for name in args.rivals]
    print(f"{args.what} {args.trace}: n, contacts a cycle, ours ms; " + "; ".join(heads))
    for n in args.n:
        rivals = [Rival(name) for name in args.rivals]
        problems = instances(args, n)
        for name in args.rivals:  # once untimed, as ours
            Rival(name).solve(problems[0], problems[0].cycle, args.what == "lyp")
        own = sum(run(problem, rivals) for problem in problems)
        contacts = statistics.mean(len(problem.contacts) for problem in problems)
        line = f"{n:>6} {contacts:>8.0f} {own / len(problems):>10.3f}"
        for rival in rivals:
            line += f"; {rival.calls_ms / len(problems):>8.1f}"
            line += f" {rival.calls_ms / own:>8.1f}x {rival.whole_ms / own:>8.1f}x"
        print(line, flush=True)


def extra_MB(work: Callable[[], object]) -> float:
    """Peak resident memory of `work` over what the process held before, in a child process."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        Path("/proc/self/clear_refs").write_text("5")
        before = _peak_kB()
        work()
        os.write(write, str(_peak_kB() - before).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        kB = pipe.read()
    os.waitpid(child, 0)
    return float(kB) / 1024


def _peak_kB() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def memory(args: argparse.Namespace) -> None:
    print(f"memory {args.trace}: extra MB at the peak of one solve within one cycle")
    for n in args.n:
        problem = instance(args.trace, n, args.seed)
        lal(problem)
        lyp(problem, problem.cycle)
        found = {
            "lal": extra_MB(lambda p=problem: lal(p)),
            "lyp": extra_MB(lambda p=problem: lyp(p, p.cycle)),
        }
        for name in args.rivals:
            found[f"{name} (lyp)"] = extra_MB(
                lambda r=name, p=problem: Rival(r).solve(p, p.cycle, lossy=True)
            )
        print(f"{n:>6} " + ", ".join(f"{name} {MB:.1f}" for name, MB in found.items()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["lal", "lyp", "memory"])
    parser.add_argument("--trace", choices=["random", "bus"], default="random")
    parser.add_argument("--n", type=int, nargs="+", default=[10, 20, 40, 70, 100])
    parser.add_argument("--instances", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rivals", nargs="*", choices=list(SOLVERS), default=list(SOLVERS))
    args = parser.parse_args()
    if "lp_solve" in args.rivals and not LpSolver.load():
        parser.error(
            "needs lp_solve: install the package lp-solve, or use --rivals highs highs-ipm"
        )
    (memory if args.what == "memory" else compare)(args)


if __name__ == "__main__":
    main()
