# SPDX-License-Identifier: MIT
"""The programme over pairs against brute force; the pairing against enumeration."""

from itertools import product
from math import floor

import numpy as np
import pytest
from scipy.optimize import linprog

from crowdcharge.errors import InputError
from crowdcharge.policy.charging_skip import Cord, PlannedMeeting, charging_skip, moves
from crowdcharge.policy.pairing import greatest_sum, most_relief


def random_case(seed):
    rng = np.random.default_rng(seed)
    events = []
    for _ in range(6):
        use = tuple(int(x) for x in rng.integers(0, 5, 2))
        if rng.random() < 0.55:
            events.append(Cord(int(rng.integers(2)), int(rng.integers(3, 12)), use))
        else:
            events.append(PlannedMeeting(int(rng.integers(1, 6)), use))
    start = tuple(int(x) for x in rng.integers(6, 15, 2))
    return events, start


def brute_force(events, start, least, most, beta, selfish):
    """Every choice at every event, played through one battery at a time."""
    best = None
    for choices in product(*([choice for choice, _ in moves(e, beta, selfish)] for e in events)):
        skips = play(events, choices, start, least, most, beta)
        if skips is None:
            continue
        key = (sum(skips), min(skips)) if selfish is None else (skips[selfish],)
        best = key if best is None else max(best, key)
    return best


def play(events, choices, start, least, most, beta):
    levels, skips = list(start), [0, 0]
    for event, choice in zip(events, choices, strict=True):
        levels = [level - use for level, use in zip(levels, event.use, strict=True)]
        if min(levels) < 0:
            return None
        if isinstance(event, PlannedMeeting):
            got = floor((1 - beta) * abs(choice) + 1e-9)
            sender = 0 if choice > 0 else 1
            levels[sender] -= abs(choice)
            levels[1 - sender] += got
        elif choice == "keep":
            levels[event.user] = min(most, levels[event.user] + event.gain)
        else:
            skips[event.user] += 1
        if min(levels) < least or max(levels) > most:
            return None
    return tuple(skips)


@pytest.mark.parametrize("selfish", [None, 0, 1])
@pytest.mark.parametrize("beta", [0.0, 0.25])
def test_programme_equals_brute_force(beta, selfish):
    found = 0
    for seed in range(12):
        events, start = random_case(seed)
        plan = charging_skip(events, start, 4, 16, beta, selfish)
        expected = brute_force(events, start, 4, 16, beta, selfish)
        if plan is None:
            assert expected is None
            continue
        found += 1
        key = (sum(plan.skips), min(plan.skips)) if selfish is None else (plan.skips[selfish],)
        assert key == expected
        assert play(events, plan.choices, start, 4, 16, beta) == plan.skips
    assert found > 4


def skips_by_programme(events, start, least, most):
    """Brute force over which sessions to skip, with real-valued lossless transfers by HiGHS."""
    cords = [k for k, e in enumerate(events) if isinstance(e, Cord)]
    meetings = [k for k, e in enumerate(events) if isinstance(e, PlannedMeeting)]
    best = -1
    for skipped in product((0, 1), repeat=len(cords)):
        rows, limits, level = [], [], np.array(start, float)
        net = np.zeros((2, len(meetings)))
        for k, event in enumerate(events):
            level = level - event.use
            if isinstance(event, PlannedMeeting):
                net[:, meetings.index(k)] = (-1, 1)
            elif not skipped[cords.index(k)]:
                level[event.user] += event.gain
            for user in (0, 1):
                rows += [-net[user].copy(), net[user].copy()]
                limits += [level[user] - least, most - level[user]]
        bounds = [(-events[k].most, events[k].most) for k in meetings]
        if meetings and linprog(np.zeros(len(meetings)), rows, limits, bounds=bounds).success:
            best = max(best, sum(skipped))
    return best


def test_programme_equals_linear_programme_without_cut_and_loss():
    """High maximum, so that no session is cut short; lossless, so that whole units suffice."""
    checked = 0
    for seed in range(10):
        events, start = random_case(seed)
        if not any(isinstance(e, PlannedMeeting) for e in events):
            continue
        plan = charging_skip(events, start, 4, 100, 0.0)
        assert (sum(plan.skips) if plan else -1) == skips_by_programme(events, start, 4, 100)
        checked += 1
    assert checked > 5


def test_a_friend_spares_a_session():
    """1 runs down to 5 of 20 and needs 6 more; 0 has plenty."""
    events = [PlannedMeeting(10), Cord(1, 15), PlannedMeeting(0, use=(0, 10))]
    alone = charging_skip([Cord(1, 15), PlannedMeeting(0, use=(0, 10))], (18, 9), 2, 20)
    helped = charging_skip(events, (18, 9), 2, 20, beta=0.2)
    assert alone.skips == (0, 0)
    assert helped.skips == (0, 1)
    assert helped.choices[0] >= 4
    assert helped.choices[1] == "skip"
    with pytest.raises(InputError, match="must lie between"):
        charging_skip(events, (1, 9), 2, 20)


def all_pairings(users):
    if not users:
        yield set()
        return
    first, *rest = users
    yield from all_pairings(rest)
    for other in rest:
        for pairing in all_pairings([u for u in rest if u != other]):
            yield pairing | {frozenset((first, other))}


def test_most_relief_is_the_greatest_sum():
    users = list(range(6))
    for seed in range(20):
        rng = np.random.default_rng(seed)
        relief = {(u, v): int(rng.integers(0, 9)) for u in users for v in users if u != v}

        def total(pairing, relief=relief):
            return sum(relief[u, v] for p in pairing for u in p for v in p if u != v)

        assert total(most_relief(relief)) == max(map(total, all_pairings(users)))


@pytest.mark.parametrize("seed", range(20))
def test_the_greatest_sum_of_givers_and_takers_is_that_of_a_general_matching(seed):
    """Two solvers; the general one needs 15 s where this one needs 10 ms, so here are few."""
    rng = np.random.default_rng(seed)
    pairs = {(int(a), 20 + int(b)) for a, b in rng.integers(15, size=(40, 2))}
    worth = {pair: float(rng.uniform(1e-9, 5)) for pair in sorted(pairs)}
    chosen = greatest_sum(worth)
    assert len({agent for pair in chosen for agent in pair}) == 2 * len(chosen)
    total = sum(worth[min(pair), max(pair)] for pair in chosen)
    assert total == pytest.approx(
        sum(worth[min(pair), max(pair)] for pair in most_relief(worth)), rel=1e-12
    )


def test_nobody_to_choose_is_no_pair():
    assert greatest_sum({}) == set()
