# SPDX-License-Identifier: MIT
"""The INA219 model against the data sheet's numbers, through Adafruit's driver, unmodified."""

import statistics

import pytest
from adafruit_ina219 import INA219, ADCResolution, BusVoltageRange, Gain, Mode
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.bench.i2c import Bus
from crowdcharge.bench.i2c.cpython_busio import Busio
from crowdcharge.bench.i2c.ina219 import Ina219
from crowdcharge.bench.i2c.noise import Noise


class Rig:
    """One chip on a bench supply: `current_A` through 0.1 Ohm at `bus_V`."""

    def __init__(self, current_A=0.5, bus_V=5.0, seed=1):
        self.current_A, self.bus_V, self.time_s = current_A, bus_V, 0.0
        self.chip = Ina219(0x40, self._measure, self._now_us, Noise(seed))
        self.bus = Bus()
        self.bus.attach(self.chip)
        self.driver = INA219(Busio(self.bus))
        self.wait()

    def _measure(self):
        return round(self.current_A * 1e5), round(self.bus_V * 1000)

    def _now_us(self):
        return round(self.time_s * 1e6)

    def wait(self, dt_s=0.2):
        self.time_s += dt_s

    def raw(self, register):
        return int.from_bytes(self.bus.transfer(0x40, bytes((register,)), 2), "big")


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.floats(-3.0, 3.0), st.floats(0, 26.0), st.integers(0, 5))
def test_the_driver_reads_the_truth_within_the_chips_accuracy(current_A, bus_V, seed):
    rig = Rig(current_A, bus_V, seed)
    # grade A: gains of 0.5 and 1 %, 40 uV offset = 0.4 mA, half a step of 0.8 mA, noise
    assert rig.driver.current == pytest.approx(current_A * 1000, abs=1.2 + 5 * abs(current_A))
    assert rig.driver.bus_voltage == pytest.approx(bus_V, abs=0.0026 + 0.01 * bus_V)
    product_W = abs(rig.driver.current) * rig.driver.bus_voltage / 1000
    assert rig.driver.power == pytest.approx(product_W, abs=0.0021)


def test_power_on_values():
    chip = Ina219(0x40, lambda: (0, 0), lambda: 0, Noise(1))
    bus = Bus()
    bus.attach(chip)
    read = [int.from_bytes(bus.transfer(0x40, bytes((reg,)), 2), "big") for reg in range(6)]
    assert read == [0x399F, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("gain", "limit_mA"),
    [
        (Gain.DIV_1_40MV, 400),
        (Gain.DIV_2_80MV, 800),
        (Gain.DIV_4_160MV, 1600),
        (Gain.DIV_8_320MV, 3200),
    ],
)
def test_the_pga_clamps(gain, limit_mA):
    rig = Rig(current_A=10.0)
    rig.driver.gain = gain
    rig.wait()
    assert rig.driver.raw_shunt_voltage == limit_mA * 10
    rig.current_A = -10.0
    rig.wait()
    assert rig.driver.raw_shunt_voltage == -limit_mA * 10


def test_the_16_V_range_clamps():
    rig = Rig(bus_V=20.0)
    rig.driver.bus_voltage_range = BusVoltageRange.RANGE_16V
    rig.wait()
    assert rig.driver.bus_voltage == pytest.approx(16.0)


def test_a_triggered_conversion_takes_its_time_and_stands():
    rig = Rig()
    driver = rig.driver
    driver.mode = Mode.SANDBVOLT_TRIGGERED
    assert not driver.conversion_ready
    rig.wait(0.00106)
    assert not driver.conversion_ready
    rig.wait(0.00001)
    assert driver.conversion_ready
    before = driver.raw_shunt_voltage
    rig.current_A = 1.0
    rig.wait()
    assert driver.raw_shunt_voltage == before
    assert rig.raw(3) > 0  # reading the power register clears the flag
    assert not driver.conversion_ready


@pytest.mark.parametrize(
    ("resolution", "each_us"),
    [
        (ADCResolution.ADCRES_9BIT_1S, 84),
        (ADCResolution.ADCRES_12BIT_1S, 532),
        (ADCResolution.ADCRES_12BIT_128S, 68_100),
    ],
)
def test_conversion_times_are_the_data_sheets(resolution, each_us):
    rig = Rig()
    rig.driver.bus_adc_resolution = rig.driver.shunt_adc_resolution = resolution
    rig.driver.mode = Mode.SANDBVOLT_TRIGGERED
    rig.wait(2 * each_us * 1e-6 * 0.99)
    assert not rig.driver.conversion_ready
    rig.wait(2 * each_us * 1e-6 * 0.02)
    assert rig.driver.conversion_ready


def test_nine_bits_are_coarse():
    rig = Rig(bus_V=5.02)
    rig.driver.bus_adc_resolution = ADCResolution.ADCRES_9BIT_1S
    rig.wait()
    assert rig.driver.raw_bus_voltage % 8 == 0


def test_averaging_lowers_the_noise():
    def spread(resolution):
        rig = Rig(current_A=0.1, seed=3)
        rig.driver.gain = Gain.DIV_1_40MV  # at the wider ranges a step is more than the noise
        rig.driver.shunt_adc_resolution = resolution
        values = []
        for _ in range(200):
            rig.wait()
            values.append(rig.driver.raw_shunt_voltage)
        return max(values) - min(values)

    assert spread(ADCResolution.ADCRES_12BIT_128S) < spread(ADCResolution.ADCRES_12BIT_1S) / 2


@pytest.mark.parametrize(("gain", "step"), [(Gain.DIV_8_320MV, 8), (Gain.DIV_1_40MV, 1)])
def test_the_steps_are_the_converters_and_not_the_registers(gain, step):
    """12 bits over 320 mV are 80 uV, which is 0.8 mA on 0.1 Ohm."""
    rig = Rig()
    rig.driver.gain = gain
    seen = set()
    for index in range(60):
        rig.current_A = 0.1 + index * 1e-4
        rig.wait()
        seen.add(rig.driver.raw_shunt_voltage % 8)
    assert len(seen) == 8 // step


def test_bus_gain_differs_from_chip_to_chip_and_not_for_kind_chips():
    def read_V(seed, kind):
        chip = Ina219(0x40, lambda: (0, 5000), lambda: 10_000_000, Noise(seed), kind)
        chip._convert()
        return chip._registers[2] * 0.004

    errors = [read_V(seed, False) - 5.0 for seed in range(1, 40)]
    assert max(map(abs, errors)) > 0.03
    assert all(abs(error) < 0.0521 for error in errors)
    assert {read_V(seed, True) for seed in range(1, 40)} == {5.0}


def test_math_overflow_sets_the_flag():
    rig = Rig(current_A=3.0)
    rig.driver.calibration = 0xFFFE  # current would be 480,000 counts
    rig.wait()
    assert rig.driver.overflow
    rig.driver.calibration = 4096
    rig.wait()
    assert not rig.driver.overflow


def test_faults():
    rig = Rig()
    rig.chip.overflow = True
    assert rig.driver.overflow
    rig.chip.overflow = False
    rig.chip.stuck, before = True, rig.driver.raw_shunt_voltage
    rig.current_A = 1.5
    rig.wait()
    assert rig.driver.raw_shunt_voltage == before
    rig.chip.stuck = False
    rig.chip.glitch_uV = 100_000
    rig.wait()
    assert rig.driver.raw_shunt_voltage == pytest.approx(25_000, rel=0.01)
    rig.wait()
    assert rig.driver.raw_shunt_voltage == pytest.approx(15_000, rel=0.01)
    rig.chip.lose_calibration()
    assert rig.driver._raw_calibration == 0
    assert rig.raw(0) == 0x399F
    rig.wait()
    assert rig.raw(4) == 0
    rig.chip.dead = True
    with pytest.raises(OSError):
        _ = rig.driver.current
    assert rig.bus.scan() == []
    with pytest.raises(ValueError, match="No I2C device"):
        INA219(Busio(rig.bus))


def test_the_reset_bit_restores_power_on_values():
    rig = Rig()
    rig.driver.gain = Gain.DIV_1_40MV
    rig.driver.reset = 1
    assert rig.raw(0) == 0x399F
    assert rig.raw(5) == 0


def test_same_seed_same_noise():
    def values(seed):
        rig = Rig(seed=seed)
        return [(rig.wait(), rig.driver.raw_shunt_voltage)[1] for _ in range(20)]

    assert values(1) == values(1) != values(2)


def test_noise_is_gaussian_enough():
    noise = Noise(7)
    drawn = [noise.gauss(1000) for _ in range(20_000)]
    assert statistics.mean(drawn) == pytest.approx(0, abs=25)
    assert statistics.stdev(drawn) == pytest.approx(1000, rel=0.03)
    assert sum(abs(value) > 2000 for value in drawn) / 20_000 == pytest.approx(0.0455, abs=0.008)
