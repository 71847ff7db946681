# SPDX-License-Identifier: MIT
"""The fits against scipy, against closed forms, and against noise of known size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import curve_fit

from crowdcharge.bench.physics.coil import CoilLink
from crowdcharge.errors import InputError
from crowdcharge.flash import fit
from crowdcharge.flash.fit import Point
from wptcore.calibration import corrected_mA
from wptcore.fod import LossCurve


@settings(derandomize=True, deadline=None)
@given(
    gain=st.floats(-0.03, 0.03),
    offset_mA=st.floats(-5, 5),
    loads=st.lists(st.integers(0, 3000), min_size=2, max_size=8, unique=True).filter(
        lambda loads: max(loads) - min(loads) >= 50
    ),
)
def test_a_noiseless_meter_is_found_exactly_and_the_board_undoes_it(gain, offset_mA, loads):
    """raw = true / (1 + gain) + offset; then the board's own integers give `true` back."""
    points = [Point(true, true / (1 + gain) + offset_mA, 0.01) for true in loads]
    found = fit.correction(points, 0.0)
    assert found.gain_ppm == pytest.approx(gain * 1e6, abs=1)
    assert found.offset == pytest.approx(offset_mA * 1000, abs=2)
    for point in points:
        raw_uA = round(point.raw * 1000)
        corrected = corrected_mA(raw_uA, found.gain_ppm, found.offset)
        assert corrected == pytest.approx(point.reference, abs=0.6)


def test_the_uncertainty_of_a_gain_is_the_spread_of_repeated_calibrations():
    rng = np.random.default_rng(5)
    true_mA = np.array([0.0, 500, 1000, 1500])
    found = []
    for _ in range(400):
        raw_mA = true_mA / 1.002 + rng.normal(0, 0.3, 4)
        points = [Point(t, r, 0.3) for t, r in zip(true_mA, raw_mA, strict=True)]
        found.append(fit.correction(points, 0.0))
    spread_ppm = np.std([each.gain_ppm for each in found])
    assert found[0].u_gain_ppm == pytest.approx(spread_ppm, rel=0.1)
    spread_uA = np.std([each.offset for each in found])
    assert found[0].u_offset == pytest.approx(spread_uA, rel=0.1)


def test_the_reference_counts_into_the_gain():
    points = [Point(0, 0, 1e-3), Point(1000, 1000, 1e-3)]
    assert fit.correction(points, 1000.0).u_gain_ppm == pytest.approx(1000, rel=0.01)


@pytest.mark.parametrize("points", [[], [Point(0, 0, 1)], [Point(0, 0, 1), Point(49, 50, 1)]])
def test_a_gain_needs_two_loads(points):
    with pytest.raises(InputError, match="two references at least 50 apart"):
        fit.correction(points, 0.0)


def _rig(rng, count=200, noise_mW=15.0, gaps_mm=(3.0,)):
    link = CoilLink()
    sent, received = [], []
    for gap_mm in gaps_mm:
        coupling = link.coupling(gap_mm, 0.0)
        received_W = rng.uniform(0.4, 2.5 * coupling, count)
        sent += [1000 * link.sent_W(power_W, coupling) for power_W in received_W]
        received += list(1000 * received_W)
    return np.array(sent) + rng.normal(0, noise_mW, len(sent)), np.array(received)


def test_the_plants_curve_is_found_within_its_uncertainty():
    sent, received = _rig(np.random.default_rng(2))
    curve = fit.loss_curve(sent, received)
    assert curve.values[:3] == pytest.approx((250, 1350, 50), abs=60)
    assert abs(curve.offset_mW - 250) < 4 * curve.u_offset_mW
    assert abs(curve.linear_permille - 1350) < 4 * curve.u_linear_permille
    assert abs(curve.square_permille_per_W - 50) < 4 * curve.u_square_permille_per_W
    assert curve.residual_mW == pytest.approx(15, rel=0.15)


def test_scipy_finds_the_same_values_and_uncertainties():
    sent, received = _rig(np.random.default_rng(3))
    curve = fit.loss_curve(sent, received)
    values, covariance = curve_fit(
        lambda p, c, b, a: c + b * p / 1000 + a * p**2 / 1e6, received, sent, p0=(0, 1000, 0)
    )
    assert curve.values[:3] == pytest.approx(values, abs=1)
    u = (curve.u_offset_mW, curve.u_linear_permille, curve.u_square_permille_per_W)
    assert u == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-3)


def test_over_several_gaps_the_threshold_covers_what_was_measured():
    """Misalignment changes the loss more than a coin does: the threshold must know it."""
    rng = np.random.default_rng(4)
    sent, received = _rig(rng, gaps_mm=(3.0, 6.0, 10.0))
    curve = fit.loss_curve(sent, received)
    aligned = fit.loss_curve(*_rig(rng))
    assert curve.threshold_mW > aligned.threshold_mW
    on_board = LossCurve(*curve.values)
    excess = [s - on_board.sent_mW(round(r)) for s, r in zip(sent, received, strict=True)]
    assert np.mean(np.array(excess) > curve.threshold_mW) < 0.01
    assert aligned.threshold_mW == 250, "never below what noise alone may reach"


def test_too_few_pairs_or_one_power_only():
    with pytest.raises(InputError, match="needs 12 steady pairs"):
        fit.loss_curve([1.0] * 11, [1.0] * 11)
    with pytest.raises(InputError, match="all transfers ran at about 2500 mW"):
        fit.loss_curve([4000.0] * 50, [2500.0] * 50)


def _pairs(groups, noise_mW=5.0, each=30, seed=6):
    """Pairs of powers in groups (sent, received), as two gaps or powers leave them."""
    rng = np.random.default_rng(seed)
    sent, received = np.repeat(np.array(groups, float), each, axis=0).T
    return sent + rng.normal(0, noise_mW, len(sent)), received + rng.normal(0, 1, len(sent))


@pytest.mark.parametrize(
    "pairs",
    [
        ([3900.0] * 20 + [3200.0] * 20, [2500.0] * 20 + [1800.0] * 20),
        _pairs([(3900, 2500), (3200, 1800)]),
        _pairs([(3000, 2500), (3600, 1800)]),
        _pairs([(2000, 2500), (1500, 1800), (900, 1000)]),
        ([float("nan")] * 40, list(np.linspace(500, 2500, 40))),
        (list(np.linspace(500, 2500, 40)), [float("inf")] * 40),
        ([1000.0] * 40, list(np.linspace(-5, 2500, 40))),
    ],
    ids=["two points", "two clusters", "falls", "gains", "nan", "infinite", "negative"],
)
def test_no_curve_is_made_of_pairs_that_determine_none(pairs):
    with pytest.raises(InputError):
        fit.loss_curve(*pairs)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    pairs=st.lists(st.tuples(st.floats(0, 12_000), st.floats(0, 12_000)), min_size=12, max_size=40)
)
def test_every_curve_that_is_made_is_finite_rises_and_loses(pairs):
    """Whatever the pairs are: a usable curve or one clear error, and nothing between."""
    sent, received = zip(*pairs, strict=True)
    try:
        curve = fit.loss_curve(sent, received)
    except InputError:
        return
    assert np.all(np.isfinite([*curve.values, curve.u_offset_mW, curve.residual_mW]))
    board = LossCurve(*curve.values)
    at_mW = np.linspace(curve.received_min_mW, curve.received_max_mW, 40).round()
    sent_mW = np.array([board.sent_mW(int(each)) for each in at_mW])
    assert np.all(np.diff(sent_mW) >= -2)  # the board's integers round down
    assert np.all(sent_mW >= at_mW - 2 - at_mW / 500)


@pytest.mark.parametrize(
    "points",
    [
        [Point(0, 0, 1), Point(1000, -990, 1)],
        [Point(0, 500, 1), Point(1000, 500, 1)],
        [Point(float("nan"), 0, 1), Point(1000, 990, 1)],
        [Point(0, 0, 1), Point(float("inf"), 990, 1)],
        [Point(0, float("nan"), 1), Point(1000, 990, 1)],
    ],
    ids=["reversed", "dead", "nan reference", "infinite reference", "nan reading"],
)
def test_no_correction_of_a_meter_that_does_not_follow(points):
    with pytest.raises(InputError):
        fit.correction(points, 0.0)
