# SPDX-License-Identifier: MIT
"""Small random problems that between them take every path of the planners."""

import numpy as np

from crowdcharge.planner import Problem


def random_problem(seed, agents_max=6, contacts_extra=4, connected=0.8):
    """Mostly connected; a third with unequal targets, some with limits or losses by contact."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, agents_max + 1))
    cycle = int(rng.integers(3, 13))
    tree = [(k, int(rng.integers(k))) for k in range(1, n)] if rng.random() < connected else []
    pairs = tree + [
        tuple(rng.choice(n, 2, replace=False)) for _ in range(rng.integers(1, contacts_extra + 1))
    ]
    rows = {}
    for i, j in pairs:
        t = int(rng.integers(1, cycle + 1))
        rows[min(i, j), max(i, j), t] = (int(i), int(j), t)
    contacts = np.array(list(rows.values()))
    rng.shuffle(contacts)
    e_min = float(rng.choice([0, 10, 20]))
    weights = rng.uniform(0.6, 1.4, n)
    options = {}
    if rng.random() < 0.3:
        options["target"] = weights / weights.sum()
    if rng.random() < 0.2:
        options["limit"] = rng.uniform(10, 60, len(contacts))
    beta = float(rng.choice([0.05, 0.2, 0.4]))
    if rng.random() < 0.15:
        beta = rng.uniform(0.05, 0.4, len(contacts))
    e0 = rng.uniform(e_min, 100, n).round(int(rng.choice([0, 6])))
    return Problem(e0, contacts, cycle, e_min, 100.0, beta, **options)
