# SPDX-License-Identifier: MIT
"""P_OA by random pairs: mesa, pure Python and the compiled engine.

    python host/benchmarks/crowd_engines.py [--n 100000] [--rounds 5] [--large 1000000]

All subjects run in this process, in turn, round after round; a subject's figure is its best
round. One-core figures are per second of CPU time, so that a loaded machine does not decide; the
row of two threads is wall clock. The last table checks that all three give the same crowd: loss
and final imbalance over 60 small crowds each, by two-sample Kolmogorov-Smirnov tests. Needs the
extra `bench` (mesa 3.3).
"""

import argparse
import random
import sys
import time
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from scipy.stats import ks_2samp

from crowdcharge.metrics import imbalance
from crowdcharge.simulation import simulate

try:
    import mesa
except ModuleNotFoundError:
    print("crowd_engines: needs mesa: pip install -e '.[bench]'", file=sys.stderr)
    sys.exit(2)

BETA = 0.2
MESA, PYTHON = "mesa 3.3", "pure Python"


def two_of(n: int, draw: random.Random) -> tuple[int, int]:
    """Draw a uniform pair as quickly as plain Python can: in a third of random.sample's time."""
    a, b = int(draw.random() * n), int(draw.random() * (n - 1))
    return a, b + (b >= a)


class Peer(mesa.Agent):
    def __init__(self, model: mesa.Model, energy_J: float) -> None:
        super().__init__(model)
        self.energy_J = self.total_J = energy_J
        self.met = 1

    def above(self, level_J: float) -> bool:
        self.total_J += level_J
        self.met += 1
        return self.energy_J * self.met > self.total_J

    def meet(self, other: "Peer") -> None:
        mine_J, theirs_J = self.energy_J, other.energy_J
        if self.above(theirs_J) == other.above(mine_J):
            return
        rich, poor = (self, other) if mine_J > theirs_J else (other, self)
        sent_J = abs(mine_J - theirs_J) / 2
        rich.energy_J -= sent_J
        poor.energy_J += (1 - BETA) * sent_J


class Crowd(mesa.Model):
    def __init__(self, initial_J: np.ndarray, seed: int) -> None:
        super().__init__(seed=seed)
        self.peers = [Peer(self, energy_J) for energy_J in initial_J.tolist()]

    def step(self) -> None:
        a, b = two_of(len(self.peers), self.random)
        self.peers[a].meet(self.peers[b])


def by_mesa(initial_J: np.ndarray, seed: int, interactions: int) -> np.ndarray:
    crowd = Crowd(initial_J, seed)
    with Stopwatch(MESA):
        for _ in range(interactions):
            crowd.step()
    return np.array([peer.energy_J for peer in crowd.peers])


def by_python(initial_J: np.ndarray, seed: int, interactions: int) -> np.ndarray:
    energy, total, met = initial_J.tolist(), initial_J.tolist(), [1] * len(initial_J)
    draw, n = random.Random(seed), len(energy)
    with Stopwatch(PYTHON):
        for _ in range(interactions):
            a, b = two_of(n, draw)
            energy_a, energy_b = energy[a], energy[b]
            total[a] += energy_b
            total[b] += energy_a
            met[a] += 1
            met[b] += 1
            if (energy_a * met[a] > total[a]) != (energy_b * met[b] > total[b]):
                sent = abs(energy_a - energy_b) / 2
                if energy_a > energy_b:
                    energy[a] -= sent
                    energy[b] += (1 - BETA) * sent
                else:
                    energy[b] -= sent
                    energy[a] += (1 - BETA) * sent
    return np.array(energy)


def by_engine(engine: str) -> Callable[[np.ndarray, int, int], np.ndarray]:
    def run(initial_J: np.ndarray, seed: int, interactions: int) -> np.ndarray:
        options = {"seed": seed, "engine": engine, "samples": 1}
        with Stopwatch(engine):
            return simulate(
                "online-average",
                len(initial_J),
                interactions,
                BETA,
                initial_J=initial_J,
                **options,
            ).final_J

    return run


class Stopwatch:
    """CPU seconds of the last block under each name."""

    seconds: ClassVar[dict[str, float]] = {}

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        self.start = time.process_time()

    def __exit__(self, *_: object) -> None:
        self.seconds[self.name] = time.process_time() - self.start


SUBJECTS = {
    MESA: (by_mesa, 1),
    PYTHON: (by_python, 1),
    "numba": (by_engine("numba"), 200),
}


def speed(n: int, rounds: int, unit: int) -> None:
    initial_J = np.random.default_rng(0).uniform(0, 100, n)
    rates = dict.fromkeys(SUBJECTS, 0.0)
    by_engine("numba")(initial_J, 0, 10)  # compiles
    for seed in range(rounds):
        for name, (run, times) in SUBJECTS.items():
            run(initial_J, seed, unit * times)
            rates[name] = max(rates[name], unit * times / Stopwatch.seconds[name] / 1e6)
    print(f"n = {n}, one core, million interactions per CPU second")
    for name, rate in rates.items():
        ratios = "".join(f"{rate / rates[rival]:10.1f}x {rival}" for rival in (MESA, PYTHON))
        print(f"  {name:12}{rate:9.3f}{ratios}")


def large(n: int, rounds: int) -> None:
    initial_J = np.random.default_rng(0).uniform(0, 100, n)
    print(f"n = {n}, matchings, million interactions per second of wall clock (CPU second)")
    for threads in (1, 2):
        wall = cpu = 0.0
        for seed in range(rounds + 1):
            interactions = 100 * (n // 2) if seed else n // 2  # the first round compiles
            options = {"initial_J": initial_J, "samples": 1, "threads": threads}
            start, start_cpu = time.perf_counter(), time.process_time()
            simulate("online-average", n, interactions, BETA, "matching", seed, **options)
            wall = max(wall, interactions / (time.perf_counter() - start) / 1e6)
            cpu = max(cpu, interactions / (time.process_time() - start_cpu) / 1e6)
        print(f"  {threads} thread(s) {wall:8.1f} ({cpu:.1f})")


def same_crowd(n: int = 300, interactions: int = 3000, crowds: int = 60) -> None:
    samples = {}
    for k, (name, (run, _)) in enumerate(SUBJECTS.items()):
        losses, spreads = [], []
        for seed in range(k * crowds, (k + 1) * crowds):
            initial_J = np.random.default_rng(seed).uniform(0, 100, n)
            final_J = run(initial_J, seed, interactions)
            losses.append(1 - final_J.sum() / initial_J.sum())
            spreads.append(imbalance(final_J))
        samples[name] = losses, spreads
    print(f"same crowd? n = {n}, {interactions} interactions, {crowds} crowds each, KS p-values")
    for name, (losses, spreads) in samples.items():
        p = [
            ks_2samp(x, y).pvalue for x, y in zip((losses, spreads), samples["numba"], strict=True)
        ]
        print(
            f"  {name:12} loss {np.mean(losses):.4f} (p {p[0]:.2f})"
            f"   imbalance {np.mean(spreads):.5f} (p {p[1]:.2f})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--unit", type=int, default=200_000, help="interactions of the slowest")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--large", type=int, default=1_000_000)
    given = parser.parse_args()
    speed(given.n, given.rounds, given.unit)
    large(given.large, given.rounds)
    same_crowd()


if __name__ == "__main__":
    main()
