# SPDX-License-Identifier: MIT
"""PURE: learn the weights of `linear_levels` by the cross-entropy method; numpy alone.

Rubinstein, "The Cross-Entropy Method for Combinatorial and Continuous Optimization", 1999, with
the added noise of Szita and Lorincz, "Learning Tetris Using the Noisy Cross-Entropy Method", 2006.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from crowdcharge.learning.episode import COMMON, FEATURES, Episode, Values
from crowdcharge.learning.linear import linear_levels
from crowdcharge.simulation.scenario import Scenario

START_SPREAD, NOISE, NOISE_ENDS = 0.4, 0.1, 0.7  # the noise has left after this share of the way


@dataclass(frozen=True, slots=True)
class Generation:
    """Where the search stands: `mean` (features,) are its weights, `best` the elite's return."""

    mean: Values
    spread: Values
    best: float


def learn(
    scenario: Scenario,
    seeds: Callable[[int], Sequence[int]],
    generations: int,
    population: int = 64,
    elite: int = 8,
    seed: int = 0,
) -> Iterator[Generation]:
    """Yield the start, which is P_OS, and each generation.

    `seeds(k)` are the crowds of generation k; all candidates see the same. Each is rated by its
    mean return over them.
    """
    rng = np.random.default_rng(seed)
    mean, spread = np.zeros(len(FEATURES)), np.full(len(FEATURES), START_SPREAD)
    mean[COMMON] = 1.0
    yield Generation(mean, spread, float("nan"))
    for number in range(generations):
        weights = rng.normal(mean, spread, (population, len(FEATURES)))
        rated = np.mean([returns(scenario, each, weights) for each in seeds(number)], axis=0)
        chosen = np.argsort(rated)[-elite:]
        noise = NOISE * max(0.0, 1 - number / (NOISE_ENDS * generations))
        mean, spread = weights[chosen].mean(axis=0), weights[chosen].std(axis=0) + noise
        yield Generation(mean, spread, float(rated[chosen].mean()))


def returns(scenario: Scenario, seed: int, weights: Values) -> Values:
    """Sum the rewards of each candidate (copies, features) on the crowd of `seed`: (copies,)."""
    episode = Episode(scenario, seed, copies=len(weights))
    total = np.zeros(len(weights))
    while not episode.over:
        total += episode.step(linear_levels(weights, episode.observation))
    return total
