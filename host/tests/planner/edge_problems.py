# SPDX-License-Identifier: MIT
"""Small random problems at the edges: targets and starts at bounds, ties, losses near 0 and 1."""

import numpy as np

from crowdcharge.planner import Problem

EDGES = (
    "all at e_min", "all full", "targets at e_max", "one room", "ties", "free", "own targets",
)  # fmt: skip
BETAS = (0.0, 1e-9, 1e-6, 1e-3, 0.2, 0.9, 0.999, 1 - 1e-6)


def edge_problem(seed):
    """Each seed draws an edge, a loss and units from J to MJ; mostly connected and small."""
    rng = np.random.default_rng([seed, 15])
    n = int(rng.integers(2, 6))
    cycle = int(rng.integers(2, 9))
    pairs = [(k, int(rng.integers(k))) for k in range(1, n)]
    pairs += [tuple(rng.choice(n, 2, replace=False)) for _ in range(rng.integers(0, 4))]
    rows = {}
    for i, j in pairs:
        t = int(rng.integers(1, cycle + 1))
        rows[min(i, j), max(i, j), t] = (int(i), int(j), t)
    unit = float(rng.choice([1.0, 1.0, 1e-3, 1e6]))
    e_min, e_max = 100 / 3 * unit, 100 * unit
    levels, target = levels_of(str(rng.choice(EDGES)), n, rng)
    options = {} if target is None else {"target": target}
    if rng.random() < 0.15:
        options["limit"] = rng.uniform(10, 60, len(rows)) * unit
    beta = float(rng.choice(BETAS))
    if rng.random() < 0.1:
        beta = rng.choice([0.05, 0.2, 0.4], len(rows))
    e0 = np.clip(e_min + levels * (e_max - e_min), e_min, e_max)
    return Problem(e0, list(rows.values()), cycle, e_min, e_max, beta, **options)


def levels_of(edge, n, rng):
    """Levels (n,) from 0 at e_min to 1 at e_max, and a target."""
    if edge == "all at e_min":
        return np.zeros(n), None
    if edge == "all full":
        return np.ones(n), None
    if edge == "ties":
        return rng.integers(0, 3, n) / 2, None
    if edge == "own targets":
        return own_targets(n, rng)
    return room_at_the_top(edge, n, rng)


def own_targets(n, rng):
    """Each agent has its own target, many of them at a bound, and another starts at that level."""
    ends = rng.choice([0.0, 0.0, 0.5, 1.0, 1.0, rng.random()], n)
    share = 1 / 3 + ends * 2 / 3
    if rng.random() < 0.2:
        share[int(rng.integers(n))] = 0.0  # below e_min: never reached
    return rng.permutation(ends), share / share.sum()


def room_at_the_top(edge, n, rng):
    """Levels between the bounds, or nearly all of them at e_max, and a target."""
    levels = rng.integers(0, 7, n) / 6
    if edge == "free":
        return levels, None
    energy = 1 / 3 + levels * 2 / 3
    if edge == "targets at e_max":  # the agent with the most shall end full
        share = np.full(n, 1.0)
        share[0] = 0.0
        rest = max(energy.sum() - 1.0, 0.0)
        target = share * rest / (n - 1)
        target[0] = energy.sum() - rest
        return levels, target / target.sum()
    levels[0] = 1.0  # one agent is full, the others nearly so
    levels[1:] = 1.0 - rng.integers(0, 2, n - 1) * 1e-3
    return levels, None
