# SPDX-License-Identifier: MIT
"""Tiny cases against every whole-number plan there is."""

import numpy as np
import pytest

from crowdcharge.planner import Problem, lal, lay

E_MAX = 6


def tiny(seed):
    """3 or 4 agents with whole levels, one contact a slot, one cycle, a reachable-looking mean."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 5))
    e0 = rng.integers(0, E_MAX + 1, n)
    e0[0] += -int(e0.sum()) % n
    e0[0] = min(e0[0], E_MAX)
    slots = int(rng.integers(2, 7))
    contacts = [(*rng.choice(n, 2, replace=False), t) for t in range(1, slots + 1)]
    return [int(e) for e in e0], [(int(i), int(j), t) for i, j, t in contacts], slots


def successors(levels, i, j, gain):
    """All levels after one contact; with a gain of 1/2 only even amounts stay whole."""
    step = 1 if gain == 1 else 2
    for ptx, prx in ((i, j), (j, i)):
        for sent in range(0, levels[ptx] + 1, step):
            after = list(levels)
            after[ptx] -= sent
            after[prx] += int(sent * gain)
            if after[prx] <= E_MAX:
                yield tuple(after)


def reachable(e0, contacts, gain):
    """Return the sets of levels reached after 0, 1, ... contacts."""
    sets = [{tuple(e0)}]
    for i, j, _ in contacts:
        sets.append({after for levels in sets[-1] for after in successors(levels, i, j, gain)})
    return sets


@pytest.mark.parametrize("seed", range(60))
def test_lal_time_is_the_least_of_all_whole_plans(seed):
    """Flows with whole data have whole solutions, so the search over whole plans is exact."""
    e0, contacts, slots = tiny(seed)
    if sum(e0) % len(e0):
        e0[0] = (e0[0] - sum(e0)) % len(e0)
    mean = sum(e0) // len(e0)
    goal = (mean,) * len(e0)
    sets = reachable(e0, contacts, 1)
    expected = next((t for t, levels in enumerate(sets) if goal in levels), None)
    plan = lal(Problem(e0, contacts, slots, 0, E_MAX), max_doublings=0)
    assert plan.time == expected


@pytest.mark.parametrize("seed", range(60))
def test_no_whole_plan_loses_less_than_lay(seed):
    e0, contacts, slots = tiny(seed)
    plan = lay(Problem(e0, contacts, slots, 0, E_MAX, 0.5), max_doublings=0)
    even = [levels[0] for levels in reachable(e0, contacts, 0.5)[-1] if len(set(levels)) == 1]
    if even:
        assert plan.ok
        assert plan.loss <= sum(e0) - max(even) * len(e0) + 1e-9
