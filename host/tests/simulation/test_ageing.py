# SPDX-License-Identifier: MIT
"""Ageing against values computed from the published constants by hand and by other replicas."""

import numpy as np
import pytest

from crowdcharge.policy import ageing

YEAR_s = 365 * 86_400.0


def rest(soc):
    return np.full(366, soc)


def triangles(low, high, count):
    return np.array([low, high] * count + [low])


@pytest.mark.parametrize(
    ("soc", "loss"), [(0.3, 0.0515), (0.5, 0.0579), (0.8, 0.0675), (1.0, 0.0739)]
)
def test_xu_calendar_year(soc, loss):
    assert ageing.xu_capacity_loss(rest(soc), 86_400.0) == pytest.approx(loss, abs=6e-5)


@pytest.mark.parametrize(
    ("depth", "stress"),
    [(0.1, 3.12e-6), (0.2, 5.25e-6), (0.5, 1.33e-5), (0.8, 2.98e-5), (1.0, 5.88e-5)],
)
def test_xu_depth_stress(depth, stress):
    assert ageing.xu_depth_stress(depth) == pytest.approx(stress, rel=3e-3)


@pytest.mark.parametrize(("depth", "expected"), [(0.5, 12_316), (0.8, 5_502), (1.0, 2_787)])
def test_xu_cycles_to_twenty_per_cent(depth, expected):
    """Cycling only (no time passes), around half charge."""
    low, high = 0.5 - depth / 2, 0.5 + depth / 2

    def loss(count):
        return ageing.xu_capacity_loss(triangles(low, high, count), 0.0)

    assert loss(int(expected * 0.997)) < 0.2 < loss(int(expected * 1.003))


@pytest.mark.parametrize(("cell_C", "factor"), [(25, 1.0), (35, 1.96), (45, 3.67)])
def test_xu_temperature(cell_C, factor):
    assert ageing.xu_temperature_stress(cell_C) == pytest.approx(factor, rel=5e-3)


@pytest.mark.parametrize(
    ("soc", "loss"), [(0.3, 0.0199), (0.5, 0.0236), (0.8, 0.0339), (1.0, 0.0440)]
)
def test_schmalstieg_calendar_year(soc, loss):
    """Within 5 %: the quoted values come from another reading of the cell's voltage curve."""
    assert ageing.schmalstieg_capacity_loss(rest(soc), 86_400.0) == pytest.approx(loss, rel=0.05)


def test_schmalstieg_calendar_year_at_a_known_voltage():
    """1e6 (7.543 V - 23.75) exp(-6976 / T) t**0.75 by hand: 3.697 V at half charge, 298.15 K."""
    alpha = (7.543 * 3.697 - 23.75) * 1e6 * np.exp(-6976 / 298.15)
    loss = ageing.schmalstieg_capacity_loss(rest(0.5), 86_400.0)
    assert loss == pytest.approx(alpha * 365**0.75, rel=1e-12)


@pytest.mark.parametrize(("depth", "loss"), [(0.2, 0.0569), (0.8, 0.1448), (1.0, 0.1742)])
def test_schmalstieg_three_hundred_equivalent_cycles(depth, loss):
    """Quoted at a root mean square voltage of 3.7 V, which is forced here."""
    trace = triangles(0.0, depth, round(300 / depth))
    volts = np.full(len(trace), 3.7)
    assert ageing.schmalstieg_cycle_loss(trace, volts) == pytest.approx(loss, rel=0.01)


def test_models_agree_on_what_is_worse():
    gentle, harsh = triangles(0.4, 0.6, 200), triangles(0.1, 1.0, 200)
    losses = ageing.capacity_losses([gentle, harsh], 3600.0)
    assert set(losses) == {"xu-2018", "schmalstieg-2014"}
    for mild, hard in losses.values():
        assert 0 < mild < hard < 1
