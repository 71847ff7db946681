# SPDX-License-Identifier: MIT
"""What pads are worth, against every choice of partners there is, on the reference's programs."""

from itertools import combinations, product

import numpy as np
import pytest

from crowdcharge.planner import Problem, lal, lay
from crowdcharge.planner.worth import one_at_a_time, worth

from .reference import effective_loss, solve_lp, unrolled

STAR = [[0, 1, 1], [0, 2, 1], [0, 3, 1], [0, 1, 3], [0, 2, 3]]


def crowded_problem(seed):
    """Make three or four agents with two or three slots, in which several meet at once."""
    rng = np.random.default_rng(seed)
    n, slots = int(rng.integers(3, 5)), int(rng.integers(2, 4))
    pairs = list(combinations(range(n), 2))
    contacts = []
    for slot in range(1, slots + 1):
        chosen = rng.choice(len(pairs), int(rng.integers(1, 4)), replace=False)
        contacts += [(*pairs[k], slot) for k in chosen]
    limit = float(rng.choice([15.0, 40.0])) if rng.random() < 0.6 else None
    e0 = rng.uniform(0, 100, n).round(3)
    return Problem(e0, contacts, slots, 0.0, 100.0, 0.2, limit=limit)


def choices(problem, horizon):
    """Yield the problem for each choice of contacts in which nobody has two partners a slot."""
    rows = unrolled(problem, horizon)
    slots = sorted({t for _, _, t, _, _ in rows})
    of_slot = [[row for row in rows if row[2] == slot] for slot in slots]
    for picked in product(*map(_matchings, of_slot)):
        kept = [row for slot in picked for row in slot]
        contacts = np.array([row[:3] for row in kept]).reshape(-1, 3)
        limit = None if problem.limit is None else np.array([row[4] for row in kept])
        values = (problem.e_min, problem.e_max, problem.beta)
        yield Problem(problem.e0, contacts, max(horizon, 1), *values, limit=limit)


def _matchings(rows):
    """Return the largest sets: a smaller one can do no more."""
    found = [
        kept
        for size in range(len(rows), 0, -1)
        for kept in combinations(rows, size)
        if len({agent for row in kept for agent in row[:2]}) == 2 * size
    ]
    sets = [frozenset(each) for each in found]
    return [found[k] for k, one in enumerate(sets) if not any(one < other for other in sets)]


@pytest.mark.parametrize("seed", range(12))
def test_the_least_time_is_that_of_the_best_choice(seed):
    problem = crowded_problem(seed).lossless()
    found = worth(problem, "lal", max_doublings=1)
    times = range(1, 2 * problem.cycle + 1)
    feasible = (
        t for t in times if any(solve_lp(each, t) is not None for each in choices(problem, t))
    )
    assert found.exact
    assert found.pairs == next(feasible, None)
    if found.groups is not None and found.pairs is not None:
        assert found.groups <= found.pairs


@pytest.mark.parametrize("seed", range(25))
def test_the_least_loss_is_that_of_the_best_choice_and_the_bound_is_below(seed):
    problem = crowded_problem(seed)
    horizon = problem.cycle
    answers = [effective_loss(each, horizon) for each in choices(problem, horizon)]
    losses = [loss for loss in answers if loss is not None]
    exact = one_at_a_time(problem, horizon, exact=True)
    bound = one_at_a_time(problem, horizon, exact=False)
    if not losses:
        assert exact is None
    else:
        assert exact == pytest.approx(min(losses), abs=1e-4)
        assert bound is not None and bound <= exact + 1e-6


def test_a_pad_saves_its_crowd_a_cycle():
    problem = Problem([90, 10, 10, 10], STAR, 4, 0, 100, 0.2)
    found = worth(problem, "lal")
    assert (found.groups, found.pairs, found.exact) == (1, 5, True)
    assert lal(problem).time == 1 and lay(problem).loss == pytest.approx(
        worth(problem, "lay").groups
    )


def test_with_many_choices_there_is_a_bound():
    contacts = [[0, k, 1] for k in range(1, 15)]
    e0 = [40.0] + [1.0] * 14
    found = worth(Problem(e0, contacts, 1, 0, 100, 0.0, limit=1.0), "lal", max_doublings=6)
    assert not found.exact
    # 14 agents lack energy, and a slot that is divided lets one unit through.
    assert found.pairs == np.ceil(14 * (sum(e0) / 15 - 1))
    assert found.groups == np.ceil(sum(e0) / 15 - 1)
