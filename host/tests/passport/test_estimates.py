# SPDX-License-Identifier: MIT
"""Does the stated interval hold the truth? Boards with hidden batteries, a year of rows each."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import judge
from crowdcharge.passport.capacity import capacity_of
from crowdcharge.passport.document import figures
from crowdcharge.passport.fitting import fit
from crowdcharge.passport.history import Discharge, history
from crowdcharge.passport.resistance import path_of

from .year import BOARD, KEYS, Year

WIDTH_MAX = {"capacity_remaining": 0.04, "resistance": 0.12}  # half of it, share of the value


def found_in(seed: int, path: Path) -> dict[str, tuple[bool, float]]:
    """Whether the interval holds the truth, and half its width as a share of the value."""
    year = Year(seed)
    year.write(path)
    with Store.read(path) as store:
        rows = list(store.rows())
    made = figures(history(rows, BOARD))
    board = year.board
    truths = {
        "capacity_remaining": board.capacity_J * 1000,
        "resistance": board.resistance_Ohm * 1e6,
    }
    if not seed:
        assert not judge(rows, KEYS).findings
        assert made["energy_given"].value == year.given_mJ
        assert made["energy_given"].low < board.node.sent_nJ / 1e6 < made["energy_given"].high
        assert made["deep_discharges"].value == 0
        lost = 1000 * (1 - board.capacity_J * 1000 / board.declared_mJ)
        assert made["fade"].low <= lost <= made["fade"].high
    return {
        name: (
            made[name].low <= truth <= made[name].high,
            (made[name].high - made[name].low) / 2 / made[name].value,
        )
        for name, truth in truths.items()
    }


def held(seeds: range, folder: Path) -> int:
    """How many of the seeds have both truths in their intervals; none is wider than stated."""
    count = 0
    for seed in seeds:
        found = found_in(seed, folder / f"{seed}.sqlite")
        assert {name: width for name, (_, width) in found.items() if width > WIDTH_MAX[name]} == {}
        count += all(inside for inside, _ in found.values())
    return count


@pytest.mark.slow
def test_the_intervals_hold_the_truth(tmp_path):
    assert held(range(6), tmp_path) == 6


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_intervals_hold_the_truth_of_ninety_five_boards_in_a_hundred(tmp_path):
    assert held(range(100), tmp_path) >= 95


@given(
    capacity_J=st.floats(100, 100_000),
    offset=st.floats(-0.01, 0.01),
    swings=st.lists(st.floats(0.02, 0.5), min_size=10, max_size=40),
)
@settings(max_examples=60, deadline=None)
def test_without_errors_the_capacity_is_energy_over_charge(capacity_J, offset, swings):
    """A gauge that is off by the same in every transfer moves nothing.

    4 W leave the meter, 0.2 Ohm before it are warmed at 3.7 V, and the board draws 0.1 W.
    """
    metered = 4 / (4 + 4**2 * 0.2 / 3.7**2 + 0.1)
    given_ = [
        Discharge(0.0, energy_J, 0.9, 0.9 - swing - offset, energy_J / 4)
        for swing, energy_J in ((each, each * capacity_J * metered) for each in swings)
    ]
    figure = capacity_of(given_, [], None, 0.0)
    if np.ptp([swing + offset for swing in swings]) < 0.05:
        assert figure.value is None
        assert "too like" in figure.how
    else:
        assert figure.low <= 1000 * capacity_J <= figure.high


def test_what_the_rows_do_not_carry_is_missing_with_its_reason():
    assert capacity_of([], [], None, 0.0).value is None
    path, figure = path_of([], 0.0)
    assert (path, figure.value) == (None, None)
    assert "0 under load and 0 at rest" in figure.how


def test_a_fit_leaves_out_what_does_not_belong():
    """Against numpy's own polynomial fit of the points that do belong."""
    x = np.linspace(0, 1, 40)
    y = 2 * x + 1 + 0.01 * np.sin(50 * x)
    spoilt = y.copy()
    spoilt[[3, 20]] += 5
    found = fit(np.column_stack([x, np.ones(40)]), spoilt)
    kept = np.ones(40, dtype=bool)
    kept[[3, 20]] = False
    wanted, covariance = np.polyfit(x[kept], y[kept], 1, cov=True)
    assert found.left_out == 2
    assert found.values == pytest.approx(wanted)
    assert found.half == pytest.approx(2 * np.sqrt(np.diag(covariance)))


def test_alike_columns_determine_nothing():
    assert fit(np.ones((20, 2)), np.ones(20)) is None
