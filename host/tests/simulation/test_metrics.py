# SPDX-License-Identifier: MIT
"""Balance metrics against their definitions."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.metrics import balancing_time, imbalance, jain_index


def test_two_below_the_average():
    """Shares 1/2, 1/4, 1/4: the one above has 1/6 too much."""
    assert imbalance([2, 1, 1]) == pytest.approx(1 / 6)
    assert imbalance([4, 0, 0, 0]) == pytest.approx(3 / 4)
    assert imbalance([3, 3]) == imbalance([0, 0]) == imbalance([]) == 0


def test_weights_move_the_target():
    assert imbalance([2, 1, 1], [2, 1, 1]) == 0
    assert imbalance([1, 1], [3, 1]) == pytest.approx(1 / 4)


@settings(derandomize=True, deadline=None)
@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=20))
def test_imbalance_is_what_the_rich_have_too_much(energy):
    mean = sum(energy) / len(energy)
    over = sum(max(e - mean, 0) for e in energy) / sum(energy)
    assert imbalance(energy) == pytest.approx(over, abs=1e-9)
    assert 1 / len(energy) <= jain_index(energy) * (1 + 1e-9) <= 1 + 2e-9


def test_jain_index():
    assert jain_index([1, 1, 1]) == pytest.approx(1)
    assert jain_index([1, 0, 0, 0]) == pytest.approx(1 / 4)
    assert jain_index([0, 0]) == 1


def test_balancing_time_is_when_it_stays_balanced():
    times = [0, 1, 2, 3, 4]
    assert balancing_time(times, [0.5, 0.1, 0.3, 0.1, 0.1], 0.2) == 3
    assert balancing_time(times, [0.1] * 5, 0.2) == 0
    assert balancing_time(times, [0.1, 0.1, 0.1, 0.1, 0.3], 0.2) is None
