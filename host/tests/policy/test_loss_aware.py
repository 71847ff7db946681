# SPDX-License-Identifier: MIT
"""E* against a linear programme, and the policy against the least possible loss."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from crowdcharge.policy import make
from crowdcharge.policy.loss_aware import target_level_J


def test_four_vehicle_example():
    """Energies of the cyclic mobispace example: level 68.82, sent 63.53, loss 12.71."""
    energy = np.array([90, 18, 90, 90])
    level = target_level_J(energy, 0.2)
    sent = np.clip(energy - level, 0, None).sum()
    assert (level, sent, 0.2 * sent) == pytest.approx((68.8235, 63.5294, 12.7059), abs=1e-4)


def least_loss(energy, beta):
    """min beta * sum x over direct transfers that make all levels equal, by HiGHS."""
    n = len(energy)
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
    equal = np.zeros((n, len(pairs) + 1))
    for k, (i, j) in enumerate(pairs):
        equal[i, k], equal[j, k] = -1, 1 - beta
    equal[:, -1] = -1  # the common level
    cost = np.append(np.full(len(pairs), beta), 0)
    solved = linprog(cost, A_eq=equal, b_eq=-np.asarray(energy))
    return solved.fun, solved.x[-1]


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    energy=st.lists(st.floats(1, 100), min_size=2, max_size=6),
    beta=st.floats(0, 0.6),
)
def test_level_is_the_programmes(energy, beta):
    level = target_level_J(energy, beta)
    assert level == pytest.approx(least_loss(energy, beta)[1], rel=1e-6)


def test_policy_reaches_the_least_loss(crowd):
    start = np.random.default_rng(2).uniform(0, 100, 20)
    people = crowd(start, beta=0.2, seed=1).mingle(make("loss-aware", beta=0.2), 2500)
    assert np.ptp(people.energies) < 1e-6
    assert 0.2 * people.sent_J == pytest.approx(least_loss(start, 0.2)[0], rel=1e-6)


def test_weighted_level_is_common_per_weight(crowd):
    weights = {0: 1.0, 1: 2.0, 2: 4.0}
    people = crowd([90, 10, 50], beta=0.2)
    people.mingle(make("loss-aware", beta=0.2, weights=weights), 200)
    assert np.ptp(people.energies / [1, 2, 4]) < 1e-6
