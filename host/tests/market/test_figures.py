# SPDX-License-Identifier: MIT
"""Figures 2 to 6 of the lane paper: our numbers lie where the paper's lie."""

import numpy as np
import pytest

from crowdcharge.reproduce import figure
from crowdcharge.reproduce.parts import Parts


@pytest.fixture
def draw(tmp_path):
    def run(name):
        result = figure(name)(tmp_path, True, Parts())
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert result["ours"].keys() <= result["paper"].keys() | {"rows"}
        return result["ours"], result["paper"]

    return run


def test_the_price_range_is_the_paper_s_within_its_random_draws(draw):
    ours, paper = draw("lane-fig2")
    assert ours["low"] == pytest.approx(paper["low"], abs=0.3)
    assert ours["high"] == pytest.approx(paper["high"], abs=0.3)


def test_masked_states_and_prices_converge(draw):
    ours, _ = draw("lane-fig3")
    assert np.array(ours["error"]) == pytest.approx(0, abs=1e-3 * ours["average"][0])
    ours, paper = draw("lane-fig4")
    assert 29.12 < ours["price"] < 30
    assert ours["error_after_300_rounds"] < 5e-3
    assert ours["ev_a_min"] == pytest.approx(paper["ev_a_min"])


def test_the_lane_learns_all_parameters_of_a_masked_star(draw):
    ours, _ = draw("lane-attack")
    assert max(ours["a_error"], ours["b_error"]) < 1e-8


def test_all_fifty_evs_and_the_lane_trade(draw):
    ours, paper = draw("lane-fig5")
    assert (ours["trading_evs"], ours["active_bounds"]) == (50, 0)
    assert ours["pass_kWh"] == pytest.approx(paper["pass_kWh"], abs=1e-12)
    assert 0 < ours["ev_kWh"][0] < ours["ev_kWh"][1] < 15
    assert -700 < ours["lane_kWh"] < 0


def test_rounds_follow_the_law_and_two_are_enough(draw):
    ours, paper = draw("lane-fig6")
    assert [row["n"] for row in ours["rows"]] == paper["n"]
    for row in ours["rows"]:
        assert row["metropolis_rounds"] == pytest.approx(row["law_rounds"], rel=0.03)
        assert row["two_round_rounds"] == row["finite_time_rounds"] == 2
        assert row["two_round_messages"] == 2 * row["n"]
        assert row["chebyshev_rounds"] < row["metropolis_rounds"] / 5
        assert 1e-6 < row["price_error"] < 1e-3
