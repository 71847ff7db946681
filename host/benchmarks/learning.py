# SPDX-License-Identifier: MIT
"""Board-steps a second of the learning environments: what a learner waits for.

    python host/benchmarks/learning.py [--boards 100] [--steps 1000] [--rounds 5]

A board-step is one board in one step; in these crowds every board meets another in every step.
Seconds are CPU seconds of one core, the median of the rounds, with `reset` (which draws the crowd
and all its meetings) and without it. Needs the extra `learn`.
"""

import argparse
import sys
import time
from collections.abc import Callable
from statistics import median

import numpy as np

from crowdcharge.learning import Episode
from crowdcharge.simulation.scenario import parse

try:
    from crowdcharge.learning import BoardsEnv, CoordinatorEnv
except ModuleNotFoundError:
    print("learning: needs the extra learn: pip install -e '.[learn]'", file=sys.stderr)
    sys.exit(2)

COPIES = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--boards", type=int, default=100)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    n = given.boards
    scenario = parse(
        f"[crowd]\nn = {n}\nload_W = [0, 0.01]\n"
        f'[contacts]\nmeetings = {n // 2 * given.steps}\nscheduler = "matching"\n'
    )
    wish = np.full(n, 0.5, np.float32)
    one, many = CoordinatorEnv(scenario), BoardsEnv(scenario)
    wishes = dict.fromkeys(many.possible_agents, wish[:1])
    report(
        "gymnasium, a coordinator",
        n * given.steps,
        [timed(lambda: one.reset(seed=0), lambda: one.step(wish)[2]) for _ in range(given.rounds)],
    )
    report(
        "PettingZoo, an agent a board",
        n * given.steps,
        [
            timed(lambda: many.reset(seed=0), lambda: not many.step(wishes) or not many.agents)
            for _ in range(given.rounds)
        ],
    )
    report(
        f"arrays, {COPIES} copies",
        COPIES * n * given.steps,
        [timed_copies(lambda: Episode(scenario, 0, copies=COPIES), wish) for _ in range(2)],
    )


def timed(reset: Callable[[], object], step: Callable[[], bool]) -> tuple[float, float]:
    """Return the CPU seconds of a reset and of all steps until `step` says that it is over."""
    start_s = time.process_time()
    reset()
    reset_s = time.process_time()
    while not step():
        pass
    return reset_s - start_s, time.process_time() - reset_s


def timed_copies(make: Callable[[], Episode], wish: np.ndarray) -> tuple[float, float]:
    start_s = time.process_time()
    episode = make()
    reset_s = time.process_time()
    while not episode.over:
        episode.step(wish)
    return reset_s - start_s, time.process_time() - reset_s


def report(name: str, board_steps: int, seconds: list[tuple[float, float]]) -> None:
    reset_s, step_s = (median(column) for column in zip(*seconds, strict=True))
    print(
        f"{name:30}{board_steps / step_s:12,.0f} board-steps a CPU second,"
        f"{board_steps / (reset_s + step_s):12,.0f} with reset"
    )


if __name__ == "__main__":
    main()
