# SPDX-License-Identifier: MIT
"""The lane paper's numbers, and Algorithm 1 as a whole."""

import numpy as np
import pytest

from crowdcharge.errors import InputError
from crowdcharge.market import bounds_hit, clear
from crowdcharge.market.lane import (
    PriceRange,
    Wishes,
    algorithm_1,
    choose_parameters,
    energy_per_pass_kWh,
    lane_a_range,
    smallest_ev_a,
)

PAPER = PriceRange(27.2, 31.04)


def wishes(rng, n, mode="charge"):
    """Make wishes: the lane wants [24, 28], the EVs about [27, 31]."""
    evs = np.column_stack((rng.uniform(26, 28, n), rng.uniform(30, 32, n)))
    return Wishes(np.vstack(([24, 28], evs)), np.full(n, 15.0), -14.0 * n, mode)


def test_one_pass_over_the_paper_s_lane_gives_20_52_kWh():
    assert energy_per_pass_kWh(400, 0.90, 0.95, 3000, 0.001, 50) == pytest.approx(20.52, abs=1e-12)


def test_the_paper_s_parameter_bounds_with_the_sign_of_28_corrected():
    e_max = np.full(50, 15.0)
    assert smallest_ev_a(PAPER, e_max) == pytest.approx(0.128)
    below, above = lane_a_range(PAPER, 30, e_max, -700)
    assert above == pytest.approx(0.0011733, abs=1e-7)  # printed: 0.0012
    assert below == pytest.approx(1.82857e-4, abs=1e-9)  # printed: negative, so no condition
    assert below < 0.0009 < above


@pytest.mark.parametrize("mode", ["charge", "discharge"])
@pytest.mark.parametrize("n", [1, 7, 50])
def test_chosen_parameters_make_every_ev_and_the_lane_trade_inside_their_bounds(rng, mode, n):
    for _ in range(20):
        market = choose_parameters(wishes(rng, n, mode), PAPER, rng)
        cleared = clear(market)
        assert bounds_hit(market, cleared) == []
        sign = 1 if mode == "charge" else -1
        assert (sign * cleared.energies > 0).all()
        assert sign * cleared.lane_energy < 0


@pytest.mark.parametrize("at", [(0.0, 1.0), (1.0, 1.0), (0.0, 0.0)])
def test_the_corners_of_the_parameter_ranges_are_safe(rng, at):
    """b at one end for all, a at its smallest: the worst that (20) and (24) allow."""
    chosen = choose_parameters(wishes(rng, 10), PAPER, rng)
    b = PAPER.low + at[0] * (PAPER.middle - PAPER.low) * 0.999
    below, above = lane_a_range(PAPER, chosen.lane_b, chosen.e_max, chosen.lane_e_min)
    market = type(chosen)(
        smallest_ev_a(PAPER, chosen.e_max),
        np.full(10, b),
        chosen.e_max,
        below + (above - below) * (0.001 + 0.998 * at[1]),
        chosen.lane_b,
        chosen.lane_e_min,
    )
    assert bounds_hit(market, clear(market)) == []


def test_an_empty_range_for_the_lane_is_said():
    with pytest.raises(InputError, match=r"lane: no a lies between .*\(28\).*\(25\)"):
        lane_a_range(PAPER, 29.2, np.full(50, 15.0), -100)


def test_algorithm_1_gives_a_price_and_energies_inside_the_paper_s_ranges(rng):
    run = algorithm_1(wishes(rng, 50), rng)
    assert run.prices.low == pytest.approx(27.0, abs=0.3)
    assert run.prices.high == pytest.approx(31.0, abs=0.3)
    exact = clear(run.market)
    assert run.prices.middle < run.clearing.price < run.prices.high
    assert run.clearing.price == pytest.approx(exact.price, abs=1e-4)
    assert (run.clearing.energies > 0).all()
    assert (run.clearing.energies < 15).all()
    assert -700 < run.clearing.lane_energy < 0
    assert len(run.price_rounds[0]) == 51


def test_algorithm_1_stops_at_max_iter(rng):
    run = algorithm_1(wishes(rng, 20), rng, max_iter=10)
    assert len(run.range_rounds) == len(run.price_rounds) == 11
