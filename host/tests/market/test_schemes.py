# SPDX-License-Identifier: MIT
"""All schemes on the same markets: one price, other costs, other exposure."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from crowdcharge.errors import InputError
from crowdcharge.market import SCHEMES, Market, Means, clear, trade
from crowdcharge.market.consensus import star_rounds_law
from crowdcharge.market.problem import check_market

from .markets import random_market


def means(rng, tolerance=1e-6):
    return Means(tolerance, rng, rng.bytes)


@pytest.mark.parametrize("mode", ["charge", "discharge"])
@pytest.mark.parametrize("tight", [False, True])
@pytest.mark.parametrize("scheme", [name for name in SCHEMES if name != "homomorphic"])
def test_every_scheme_reaches_the_price_to_its_stated_bound(rng, scheme, tight, mode):
    for n in (2, 5, 16):
        market = random_market(rng, n, mode, tight=tight)
        deal = trade(market, scheme, means(rng))
        exact = clear(market)
        assert abs(deal.clearing.price - exact.price) <= deal.price_bound <= 1.01e-6
        assert deal.clearing.energies == pytest.approx(exact.energies, abs=1e-4)
        exact_schemes = ("closed-form", "two-round", "shared")
        assert deal.price_bound < 1e-8 or scheme not in exact_schemes


WIDE = st.floats(-3, 1)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    exponents=st.lists(st.tuples(WIDE, WIDE), min_size=2, max_size=6),
    lane=st.tuples(WIDE, WIDE),
    scheme=st.sampled_from(["consensus", "masked", "two-round", "shared"]),
    seed=st.integers(0, 99),
)
def test_wild_markets_clear_by_every_scheme(exponents, lane, scheme, seed):
    """Most questions meet a peer at its bound, and some meet them all there."""
    rng = np.random.default_rng(seed)
    a, e_max = (10.0 ** np.array(each) for each in zip(*exponents, strict=True))
    b = rng.uniform(20, 31, a.size)
    b[0] = 20.0
    market = Market(a, b, e_max, 10 ** lane[0], 30.0, -(10 ** lane[1]))
    try:
        deal = trade(market, scheme, means(rng))
    except InputError:  # a market on a knife's edge; of many, hypothesis would complain
        reject()
    exact = clear(market)
    flat = deal.clearing.energies == pytest.approx(exact.energies, rel=1e-9)
    assert abs(deal.clearing.price - exact.price) <= deal.price_bound or flat


def test_masks_leave_no_energy_where_there_is_none(rng):
    """All sit on their bounds and balance, but for the rounding of masks 10^7 times as large."""
    for number in range(20):
        a, e_max = np.array([1e-3, 8.0]), np.array([0.002, 0.9])
        market = Market(a, np.array([20.0, 21.0 + number / 3]), e_max, 1.0, 30.0, -0.002)
        deal = trade(market, "masked", means(rng))
        assert deal.clearing.energies == pytest.approx(clear(market).energies, abs=1e-9)


@pytest.mark.parametrize("scheme", [name for name in SCHEMES if name != "homomorphic"])
def test_a_market_that_balances_with_all_at_their_bounds(rng, scheme):
    """Any price between clears it; there is no ratio to average."""
    two = np.array([5.0, 5.0])
    market = Market(np.array([0.1, 0.1]), np.array([20.0, 21.0]), two, 0.001, 30.0, -10.0)
    deal = trade(market, scheme, means(rng))
    assert deal.clearing.energies.tolist() == [5, 5]
    assert deal.clearing.lane_energy == -10


FIELDS = ("a", "b", "e_max", "lane_a", "lane_b", "lane_e_min")


@pytest.mark.parametrize("mode", ["charge", "discharge"])
@pytest.mark.parametrize("scheme", ["consensus", "masked", "two-round"])
def test_one_number_far_from_the_others_is_carried_or_refused_in_a_line(scheme, mode):
    """A number some 10**7 times too large or too small, as of another unit."""
    carried = refused = 0
    for seed in range(60):
        rng = np.random.default_rng([seed, 7])
        market = random_market(rng, int(rng.integers(2, 6)), mode, tight=bool(seed % 2))
        field = FIELDS[seed % len(FIELDS)]
        value, factor = np.array(getattr(market, field)), 10 ** rng.uniform(-10, 10)
        if value.ndim:
            value[0] *= factor
        wild = replace(market, **{field: value if value.ndim else float(value) * factor})
        try:
            check_market(wild)
            exact = clear(wild)
        except InputError:
            continue
        try:
            deal = trade(wild, scheme, means(rng))
        except InputError:
            refused += 1
            continue
        carried += 1
        same = deal.clearing.energies == pytest.approx(exact.energies, rel=1e-9)
        assert abs(deal.clearing.price - exact.price) <= deal.price_bound or same
    assert carried > 20
    assert refused > 0 or scheme == "two-round"


def test_an_ev_whose_b_is_far_above_the_lane_s_stays_out():
    evs = (np.array([0.2, 0.15, 0.25]), np.array([28, 27.5, 3e8]), np.array([15.0, 10, 15]))
    market = Market(*evs, 0.0009, 30.0, -700.0)
    for scheme in ("consensus", "masked", "two-round"):
        rng = np.random.default_rng(1)
        deal = trade(market, scheme, means(rng, 1e-3))
        assert abs(deal.clearing.price - clear(market).price) <= deal.price_bound < 1.1e-3


@pytest.mark.slow
def test_the_homomorphic_sum_reaches_the_price_to_its_stated_bound(rng):
    market = random_market(rng, 2, tight=False)
    deal = trade(market, "homomorphic", means(rng))
    assert abs(deal.clearing.price - clear(market).price) <= deal.price_bound < 1e-8
    assert deal.exposed == ()
    assert deal.messages == 2 * (2 * 3 + 1) + 3


def test_costs_without_active_bounds(rng):
    n = 50
    market = random_market(rng, n, tight=False)
    deals = {
        scheme: trade(market, scheme, means(rng)) for scheme in SCHEMES if scheme != "homomorphic"
    }
    assert (deals["two-round"].rounds, deals["two-round"].messages) == (2, 2 * n)
    law = star_rounds_law(n, np.ptp(market.b), 1e-6 / 3)
    assert deals["consensus"].rounds == pytest.approx(law, rel=0.1)
    assert deals["consensus"].messages == deals["consensus"].rounds * 2 * n
    assert deals["masked"].rounds >= deals["consensus"].rounds
    assert (deals["shared"].rounds, deals["shared"].messages) == (10, 10 * (n + 1))


def test_who_is_exposed(rng):
    market = random_market(rng, 3, tight=False)
    exposed = {s: trade(market, s, means(rng)).exposed for s in SCHEMES if s != "homomorphic"}
    evs = ("ev 0", "ev 1", "ev 2")
    assert exposed == {
        "closed-form": evs,
        "consensus": ("lane", *evs),
        "masked": evs,
        "two-round": evs,
        "shared": (),
    }


@pytest.mark.parametrize("scheme", ["shared", "homomorphic"])
def test_one_ev_cannot_hide_behind_nobody(rng, scheme):
    with pytest.raises(InputError, match="takes two or more"):
        trade(random_market(rng, 1, tight=False), scheme, means(rng))


@pytest.mark.parametrize("scheme", ["consensus", "masked"])
def test_the_finest_tolerance_is_reached_and_a_finer_one_refused(rng, scheme):
    market = random_market(rng, 10, tight=False)
    deal = trade(market, scheme, means(rng, 3e-11))
    assert abs(deal.clearing.price - clear(market).price) <= deal.price_bound <= 3.1e-11
    for bad, why in (
        (1e-13, "for floats to carry"),
        *[(x, "finite") for x in (0, -1, np.nan, np.inf)],
    ):
        with pytest.raises(InputError, match=f"tolerance: must be.* {why}"):
            trade(market, scheme, means(rng, bad))


def test_consensus_of_a_single_ev_works(rng):
    market = random_market(rng, 1, tight=False)
    for scheme in ("consensus", "masked", "two-round"):
        deal = trade(market, scheme, means(rng))
        assert abs(deal.clearing.price - clear(market).price) <= deal.price_bound
    assert trade(market, "masked", means(rng)).exposed == ("lane", "ev 0")
