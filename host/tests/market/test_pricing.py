# SPDX-License-Identifier: MIT
"""The clearing against a QP solver, the optimality conditions, and the closed form."""

import clarabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from crowdcharge.errors import WptError
from crowdcharge.market import Market, bounds_hit, clear
from crowdcharge.market.pricing import answers, clearing_at
from crowdcharge.market.search import find_price, price_search

from .markets import random_market


def solve_qp(market):
    """Problem (5) written down for Clarabel: (price, energies, lane energy)."""
    n = market.a.size
    p = sparse.diags(2 * np.append(market.a, market.lane_a), format="csc")
    q = np.append(market.b, market.lane_b)
    low = np.append(market.low, market.lane_bounds[0])
    high = np.append(market.high, market.lane_bounds[1])
    one = sparse.identity(n + 1)
    rows = sparse.vstack((np.ones((1, n + 1)), one, -one), format="csc")
    settings_ = clarabel.DefaultSettings()
    settings_.verbose = False
    settings_.tol_gap_abs = settings_.tol_gap_rel = settings_.tol_feas = 1e-12
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(2 * n + 2)]
    limits = np.concatenate(([0.0], high, -low))
    solution = clarabel.DefaultSolver(p, q, rows, limits, cones, settings_).solve()
    assert str(solution.status) == "Solved"
    x = np.array(solution.x)
    return -solution.z[0], x[:n], x[n]


@pytest.mark.parametrize("mode", ["charge", "discharge"])
@pytest.mark.parametrize("tight", [False, True])
def test_a_qp_solver_agrees_on_1000_markets(rng, mode, tight):
    hits = 0
    for _ in range(250):
        market = random_market(rng, int(rng.integers(1, 40)), mode, tight=tight)
        ours = clear(market)
        price, energies, lane = solve_qp(market)
        scale = max(1.0, abs(lane))
        assert ours.price == pytest.approx(price, rel=1e-8)
        assert np.abs(ours.energies - energies).max() <= 1e-8 * scale
        assert abs(ours.lane_energy - lane) <= 1e-8 * scale
        hits += bool(bounds_hit(market, ours))
    assert hits > 240 if tight else hits == 0


def test_without_active_bounds_it_is_the_closed_form(rng):
    market = random_market(rng, 50, tight=False)
    ours = clear(market)
    inverse = np.append(1 / market.a, 1 / market.lane_a)
    price = inverse @ np.append(market.b, market.lane_b) / inverse.sum()
    assert ours.price == pytest.approx(price, rel=1e-14)
    assert ours.energies == pytest.approx((price - market.b) / (2 * market.a), rel=1e-10)
    assert market.b.max() < ours.price < market.lane_b  # (18)
    assert ours.energies.min() > 0 > ours.lane_energy  # every EV and the lane trade


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    seed=st.integers(0, 2**32), n=st.integers(1, 60), mode=st.sampled_from(["charge", "discharge"])
)
def test_energies_balance_and_meet_the_optimality_conditions(seed, n, mode):
    market = random_market(np.random.default_rng(seed), n, mode, tight=True)
    ours = clear(market)
    assert abs(ours.energies.sum() + ours.lane_energy) <= 1e-11 * abs(ours.lane_energy)
    gain = ours.price - (2 * market.a * ours.energies + market.b)  # of one unit more
    low, high = market.low, market.high
    assert (ours.energies >= low).all()
    assert (ours.energies <= high).all()
    assert (gain[ours.energies > low] >= -1e-9).all()
    assert (gain[ours.energies < high] <= 1e-9).all()


def test_a_discharging_market_is_the_mirror_of_a_charging_one(rng):
    market = random_market(rng, 30, tight=True)
    mirror = Market(
        market.a, 60 - market.b, market.e_max, market.lane_a, 30.0, market.lane_e_min, "discharge"
    )
    ours, other = clear(market), clear(mirror)
    assert other.price == pytest.approx(60 - ours.price, rel=1e-12)
    assert other.energies == pytest.approx(-ours.energies, abs=1e-9)
    assert other.lane_energy == pytest.approx(-ours.lane_energy, abs=1e-9)


def test_the_sampled_start_of_a_large_market_changes_nothing(rng):
    market = random_market(rng, 70_000, tight=True)
    ours = clear(market)
    plain = find_price(lambda p: tuple(answers(market, p).sum(axis=0)), price_search())
    assert ours.price == pytest.approx(plain, rel=1e-13)
    assert abs(ours.energies.sum() + ours.lane_energy) < 1e-9 * abs(ours.lane_energy)


def test_a_price_search_that_steps_over_every_piece_still_ends():
    """EVs in a staircase under a lane that is at its bound: the worst for plain Newton steps."""
    n = 40
    market = Market(
        np.full(n, 1e-3), np.linspace(1, 29, n), np.full(n, 1.0), 1e-3, 30.0, -n / 2 - 0.3
    )
    ours = clear(market)
    assert ours.energies.sum() == pytest.approx(n / 2 + 0.3, rel=1e-12)
    assert bounds_hit(market, ours)[-1] == ("lane", "e_min")


def test_when_all_are_full_any_price_between_clears():
    market = Market(np.array([0.1]), np.array([20.0]), np.array([5.0]), 0.001, 30.0, -5.0)
    ours = clear(market)
    assert (ours.energies[0], ours.lane_energy) == (5.0, -5.0)
    assert bounds_hit(market, ours) == [("ev 0", "e_max"), ("lane", "e_min")]


def test_sums_of_no_market_are_refused():
    with pytest.raises(WptError, match="do not belong"):
        find_price(lambda _: (1.0, 0.0), price_search())


def test_answers_are_the_line_through_twice_the_energy(rng):
    market = random_market(rng, 20, tight=True)
    price = clear(market).price
    c, s = answers(market, price).T
    at = clearing_at(market, price)
    energies = np.concatenate(([at.lane_energy], at.energies))
    assert price * s - c == pytest.approx(2 * energies, abs=1e-9)
