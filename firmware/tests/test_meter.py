# SPDX-License-Identifier: MIT
"""Energy from samples, odometers, and the charge of a cell at rest."""

from wptcore.battery import CoulombCount, soc_from_rest_permille
from wptcore.meter import Meter
from wptcore.units import clamp, odometer_delta_mJ, power_mW


def test_nothing_is_lost_over_many_small_samples():
    meter = Meter()
    for _ in range(10_000):
        meter.add_sent(123, 10)
    assert meter.sent_mJ == 123 * 10 * 10_000 // 1000
    assert meter.received_mJ == 0


def test_received_is_apart_from_sent():
    meter = Meter(5, 6)
    meter.add_received(999, 1)
    assert (meter.sent_mJ, meter.received_mJ) == (5, 6)
    meter.add_received(1, 1)
    assert (meter.sent_mJ, meter.received_mJ) == (5, 7)


def test_odometer_wraps_and_delta_survives_it():
    meter = Meter(0xFFFFFFFF, 0)
    meter.add_sent(3000, 1000)
    assert meter.sent_mJ == 2999
    assert odometer_delta_mJ(0xFFFFFFFF, meter.sent_mJ) == 3000


def test_power_rounds_half_up():
    assert power_mW(5000, 500) == 2500
    assert power_mW(1, 499) == 0
    assert power_mW(1, 500) == 1


def test_clamp():
    assert [clamp(v, 0, 10) for v in (-1, 0, 5, 10, 11)] == [0, 0, 5, 10, 10]


def test_rest_voltage_is_monotone_and_hits_the_table():
    values = [soc_from_rest_permille(mV) for mV in range(3200, 4300, 5)]
    assert values == sorted(values)
    assert soc_from_rest_permille(3800) == 500
    assert soc_from_rest_permille(4200) == 1000


def test_counted_charge_is_unknown_until_the_battery_rested():
    count = CoulombCount(100_000)
    count.add(3800, 1000, 1000)
    assert count.soc_permille > 1000
    count.add(3800, 0, 2000)
    assert count.soc_permille == 500
    for _ in range(10):
        count.add(3800, 500, 1000)  # 1.9 W for 10 s of 100 J = 19 %
    assert count.soc_permille == 310
    for _ in range(10):
        count.add(3800, -500, 1000)
    assert count.soc_permille == 500
