# SPDX-License-Identifier: MIT
"""The INA228 model against the data sheet's numbers, through Adafruit's driver, unmodified.

The boards do not use that driver, so it is a second reader of the registers.
"""

import statistics

import pytest
from adafruit_ina228 import INA228, AveragingCount, ConversionTime, Mode
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.bench.i2c import Bus
from crowdcharge.bench.i2c.cpython_busio import Busio
from crowdcharge.bench.i2c.ina228 import Ina228
from crowdcharge.bench.i2c.noise import Noise

SHUNT_Ohm = 0.015
STEP_uV = 0.3125
TIMES_us = (50, 84, 150, 280, 540, 1052, 2074, 4120)
NOISE_FREE_BITS = (12.4, 12.6, 13.3, 13.8, 14.2, 14.5, 15.3, 16.0)  # table 8-2, one sample


class Rig:
    """One chip on a bench supply: `current_A` through 0.015 Ohm at `bus_V`."""

    def __init__(self, current_A=2.0, bus_V=5.0, seed=1):
        self.current_A, self.bus_V, self.time_s = current_A, bus_V, 0.0
        self.chip = Ina228(0x40, self._measure, self._now_us, Noise(seed))
        self.bus = Bus()
        self.bus.attach(self.chip)
        self.driver = INA228(Busio(self.bus))
        self.driver.set_calibration(SHUNT_Ohm, 10.0)
        self.wait()

    def _measure(self):
        return round(self.current_A * SHUNT_Ohm * 1e6), round(self.bus_V * 1000)

    def _now_us(self):
        return round(self.time_s * 1e6)

    def wait(self, dt_s=0.2):
        self.time_s += dt_s

    def raw(self, register, size=2):
        return int.from_bytes(self.bus.transfer(0x40, bytes((register,)), size), "big")

    def latch(self):
        self.bus.transfer(0x40, b"\x0b\x80\x00", 0)

    def sigma_uV(self, count=400):
        values = [(self.wait(), self.driver.shunt_voltage)[1] * 1e6 for _ in range(count)]
        return statistics.stdev(values)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.floats(-9.9, 9.9), st.floats(0.05, 80.0), st.integers(0, 5))
def test_the_driver_reads_the_truth_within_the_chips_accuracy(current_A, bus_V, seed):
    rig = Rig(current_A, bus_V, seed)
    # 16 samples of 280 and 150 us; offsets 1 uV and 2.5 mV, gains 0.05 %, noise, rounding
    shunt_uV = round(current_A * SHUNT_Ohm * 1e6)
    assert rig.driver.shunt_voltage * 1e6 == pytest.approx(shunt_uV, abs=5.0, rel=6e-4)
    assert rig.driver.bus_voltage == pytest.approx(round(bus_V, 3), abs=0.006, rel=6e-4)
    assert rig.driver.current == pytest.approx(
        rig.driver.shunt_voltage / SHUNT_Ohm, rel=1e-3, abs=1e-4
    )
    product_W = abs(rig.driver.current) * rig.driver.bus_voltage
    assert rig.driver.power == pytest.approx(product_W, rel=1e-3, abs=1e-3)


def test_power_on_values():
    chip = Ina228(0x40, lambda: (0, 0), lambda: 0, Noise(1))
    bus = Bus()
    bus.attach(chip)
    read = {
        register: int.from_bytes(bus.transfer(0x40, bytes((register,)), 2), "big")
        for register in (0, 1, 2, 3, 0xB, 0xC, 0xD, 0xE, 0xF, 0x10, 0x11, 0x3E, 0x3F)
    }
    assert read == {
        0: 0, 1: 0xFB68, 2: 0x1000, 3: 0, 0xB: 1, 0xC: 0x7FFF, 0xD: 0x8000, 0xE: 0x7FFF, 0xF: 0,
        0x10: 0x7FFF, 0x11: 0xFFFF, 0x3E: 0x5449, 0x3F: 0x2281,
    }  # fmt: skip


@pytest.mark.parametrize(("adc_range", "limit_uV"), [(0, 163_840.0), (1, 40_960.0)])
def test_the_ranges_clamp(adc_range, limit_uV):
    rig = Rig(current_A=15.0)
    rig.driver.adc_range = adc_range
    for sign in (1, -1):
        rig.current_A = 15.0 * sign
        rig.wait()
        assert rig.driver.shunt_voltage * 1e6 == pytest.approx(sign * limit_uV, abs=STEP_uV)


@pytest.mark.parametrize("setting", range(8))
def test_conversion_times_are_the_data_sheets(setting):
    rig = Rig()
    rig.driver.averaging_count = AveragingCount.COUNT_1
    rig.driver.bus_voltage_conv_time = rig.driver.shunt_voltage_conv_time = setting
    rig.latch()
    rig.driver.mode = Mode.TRIG_BUS_SHUNT
    rig.wait(2 * TIMES_us[setting] * 1e-6 * 0.98)
    assert not rig.driver.conversion_ready
    rig.wait(2 * TIMES_us[setting] * 1e-6 * 0.04)
    assert rig.driver.conversion_ready
    before = rig.driver.shunt_voltage
    rig.current_A = 5.0
    rig.wait()
    assert rig.driver.shunt_voltage == before, "one conversion a trigger"


def test_ready_is_cleared_by_a_read_only_with_the_latch():
    rig = Rig()
    rig.bus.transfer(0x40, b"\x0b\x00\x00", 0)
    assert rig.driver.conversion_ready
    assert rig.driver.conversion_ready
    rig.driver.mode = Mode.TRIG_BUS_SHUNT
    assert rig.driver.conversion_ready, "a driver without the latch would take the old value"
    rig.wait()
    rig.latch()
    rig.driver.mode = Mode.TRIG_BUS_SHUNT
    rig.wait()
    assert rig.driver.conversion_ready
    assert not rig.driver.conversion_ready


@pytest.mark.parametrize(("adc_range", "setting"), [(0, 0), (0, 4), (1, 4), (0, 7)])
def test_the_noise_is_the_data_sheets(adc_range, setting):
    rig = Rig()
    rig.driver.adc_range = adc_range
    rig.driver.averaging_count = AveragingCount.COUNT_1
    rig.driver.shunt_voltage_conv_time = setting
    # The other range has two bits less over a quarter of the span: the same voltage.
    assert rig.sigma_uV() == pytest.approx(327_680 / 2 ** NOISE_FREE_BITS[setting] / 6.6, rel=0.12)


def test_averaging_lowers_the_noise_by_its_root():
    rig = Rig()
    rig.driver.shunt_voltage_conv_time = ConversionTime.TIME_50_US
    rig.driver.averaging_count = AveragingCount.COUNT_1
    one = rig.sigma_uV()
    rig.driver.averaging_count = AveragingCount.COUNT_64
    assert rig.sigma_uV() == pytest.approx(one / 8, rel=0.15)


def test_errors_differ_from_chip_to_chip_and_not_the_bus_of_kind_chips():
    def read(seed, kind):
        chip = Ina228(0x40, lambda: (100_000, 5000), lambda: 0, Noise(seed), kind)
        for _ in range(64):
            chip._convert()
            yield chip._shunt * STEP_uV - 100_000, chip._bus * 0.1953125 - 5000

    def errors(kind):
        both = [zip(*read(seed, kind), strict=True) for seed in range(1, 40)]
        return [
            [statistics.mean(values) for values in column] for column in zip(*both, strict=True)
        ]

    shunt_uV, bus_mV = errors(kind=False)
    assert 25 < max(map(abs, shunt_uV)) < 51 + 1.5
    assert 2.5 < max(map(abs, bus_mV)) < 5 + 1
    shunt_uV, bus_mV = errors(kind=True)
    assert max(map(abs, shunt_uV)) > 25
    assert max(map(abs, bus_mV)) < 1


def test_math_overflow_sets_the_flag():
    rig = Rig(current_A=10.0)
    rig.driver._shunt_cal = 100  # current would be forty times the register
    rig.wait()
    assert rig.driver.alert_flags["MATHOF"]
    rig.driver._shunt_cal = 0x1000
    rig.wait()
    assert not rig.driver.alert_flags["MATHOF"]


def test_shut_down_it_keeps_its_last_value():
    rig = Rig()
    rig.driver.mode = Mode.SHUTDOWN
    before = rig.driver.shunt_voltage
    rig.current_A = 7.0
    rig.wait()
    assert rig.driver.shunt_voltage == before
    rig.driver.mode = Mode.CONT_BUS_SHUNT
    rig.wait()
    assert rig.driver.shunt_voltage == pytest.approx(7.0 * SHUNT_Ohm, rel=1e-3)


def test_faults():
    rig = Rig()
    assert rig.driver.alert_flags["MEMSTAT"]
    rig.chip.damaged = rig.chip.overflow = True
    assert not rig.driver.alert_flags["MEMSTAT"]
    assert rig.driver.alert_flags["MATHOF"]
    rig.chip.damaged = rig.chip.overflow = False
    rig.chip.stuck, before = True, rig.driver.shunt_voltage
    rig.current_A = 1.5
    rig.wait()
    assert rig.driver.shunt_voltage == before
    rig.chip.stuck = False
    rig.chip.glitch_uV = 100_000
    rig.wait()
    assert rig.driver.shunt_voltage == pytest.approx(0.1225, rel=1e-3)
    rig.wait()
    assert rig.driver.shunt_voltage == pytest.approx(0.0225, rel=1e-3)
    rig.chip.lose_calibration()
    assert (rig.raw(1), rig.raw(2)) == (0xFB68, 0x1000)
    rig.chip.dead = True
    with pytest.raises(OSError):
        _ = rig.driver.current
    assert rig.bus.scan() == []


def test_the_reset_bit_restores_power_on_values():
    rig = Rig()
    rig.driver._reset = True
    assert (rig.raw(0), rig.raw(1), rig.raw(2), rig.raw(0xB) & ~2) == (0, 0xFB68, 0x1000, 1)


def test_same_seed_same_noise():
    def values(seed):
        rig = Rig(seed=seed)
        return [(rig.wait(), rig.driver.shunt_voltage)[1] for _ in range(20)]

    assert values(1) == values(1) != values(2)
