# SPDX-License-Identifier: MIT
"""The INA228 meter against the chip's model; the model's own test is against Adafruit's driver."""

import sys

from ports.shared.ina228_meter import PowerMeter
from wptcore import ept

try:
    from crowdcharge.bench.i2c.ina228 import Ina228
    from crowdcharge.bench.i2c.noise import Noise
except ImportError:  # on MicroPython only the package's file is there
    sys.path.append(__file__.rsplit("/", 3)[0] + "/host/crowdcharge/bench/i2c")
    from ina228 import Ina228
    from noise import Noise

ADDRESS = 0x45
SHUNT_uOhm = 15_000
TRANSFER_us = 150
ADC_CONFIG = 0x01


class Desk:
    """A chip that measures `shunt_uV` and `bus_mV`, on a bus where a transfer takes its time."""

    def __init__(self, shunt_uV=15_000, bus_mV=3800, seed=1):
        self.shunt_uV, self.bus_mV, self.now_us = shunt_uV, bus_mV, 0
        self.locked = False
        self.transfers = 0
        self.chip = Ina228(ADDRESS, self.truth, lambda: self.now_us, Noise(seed))
        self.meter = PowerMeter(self, ADDRESS, SHUNT_uOhm)

    def truth(self):
        return self.shunt_uV, self.bus_mV

    def try_lock(self):
        assert not self.locked
        self.locked = True
        return True

    def unlock(self):
        self.locked = False

    def writeto(self, address, buffer):
        self._spend(address)
        self.chip.write(bytes(buffer))

    def writeto_then_readfrom(self, address, out_buffer, in_buffer):
        self._spend(address)
        self.chip.write(bytes(out_buffer))
        in_buffer[:] = self.chip.read(len(in_buffer))

    def _spend(self, address):
        assert self.locked, "the driver must lock the bus"
        if address != ADDRESS:
            raise OSError
        self.transfers += 1
        self.now_us += TRANSFER_us

    def register(self, number):
        self.chip.write(bytes((number,)))
        return int.from_bytes(self.chip.read(2), "big")


def refused(call):
    try:
        call()
    except OSError:
        return True
    return False


def test_a_sample_is_the_truth_within_the_limits_of_the_data_sheet():
    for seed in range(1, 8):
        for shunt_uV in (-40_000, -300, 0, 300, 3000, 27_000, 160_000):
            desk = Desk(shunt_uV, 3800, seed)
            assert desk.meter.sample() == ept.NONE
            # 1 uV, 0.05 %, 3.5 sigma of noise, rounding
            off_uV = abs(desk.meter.shunt_uV - shunt_uV)
            assert off_uV <= 1 + abs(shunt_uV) * 0.0005 + 3.5 * 2.64 + 1, off_uV
            # 2.5 mV, 0.05 %, noise of as many steps
            assert abs(desk.meter.raw_bus_mV - 3800) <= 2.5 + 1.9 + 3.5 * 1.65 + 1
            assert desk.meter.bus_mV - desk.meter.raw_bus_mV in (0, 1)
            current_mA = desk.meter.shunt_uV * 1000 / SHUNT_uOhm
            assert abs(desk.meter.current_mA - current_mA) <= 0.51


def test_the_corrections_of_calibrate_are_applied():
    desk = Desk(15_000, 4000)
    plain = desk.meter
    desk.meter = PowerMeter(desk, ADDRESS, SHUNT_uOhm, (-50_000, 100_000), (10_000, 20_000))
    sums = [0, 0, 0, 0]
    for _ in range(64):
        plain.sample()
        desk.meter.sample()
        for index, value in enumerate(
            (plain.current_mA, desk.meter.current_mA, plain.bus_mV, desk.meter.bus_mV)
        ):
            sums[index] += value
    raw_mA, true_mA, raw_mV, true_mV = [total / 64 for total in sums]
    assert abs(true_mA - (raw_mA - 100) * 0.95) < 1
    assert abs(true_mV - (raw_mV - 20) * 1.01) < 2


def test_a_sample_waits_for_its_own_conversion():
    desk = Desk()
    for shunt_uV in (3000, 30_000, 60_000):
        desk.shunt_uV = shunt_uV
        started_us = desk.now_us
        desk.transfers = 0
        assert desk.meter.sample() == ept.NONE
        assert abs(desk.meter.shunt_uV - shunt_uV) < 50
        assert 1080 <= desk.now_us - started_us < 1080 + 4 * TRANSFER_us
        assert desk.transfers <= 11


def test_after_a_brown_out_it_says_so_once_and_is_set_up_anew():
    desk = Desk()
    assert desk.meter.sample() == ept.NONE
    desk.chip.lose_calibration()
    assert desk.meter.sample() == ept.METER_CALIBRATION
    assert [desk.meter.sample() for _ in range(3)] == [ept.NONE] * 3


def test_damaged_trim_memory_is_no_reading():
    desk = Desk()
    desk.chip.damaged = True
    assert [desk.meter.sample() for _ in range(3)] == [ept.METER_CALIBRATION] * 3


def test_a_shunt_beyond_the_range_and_the_overflow_flag():
    desk = Desk()
    for shunt_uV in (170_000, -170_000):
        desk.shunt_uV = shunt_uV
        assert desk.meter.sample() == ept.METER_OVERFLOW
    desk.shunt_uV = 10_000
    assert desk.meter.sample() == ept.NONE
    desk.chip.overflow = True
    assert desk.meter.sample() == ept.METER_OVERFLOW


def test_a_steady_load_is_not_stuck_and_a_frozen_chip_is():
    for seed in range(1, 5):
        desk = Desk(seed=seed)
        assert {desk.meter.sample() for _ in range(300)} == {ept.NONE}
        desk.chip.stuck = True
        codes = [desk.meter.sample() for _ in range(52)]
        assert codes[0] == ept.NONE
        assert codes[-1] == ept.METER_STUCK


def test_a_frozen_chip_without_current_is_no_fault():
    desk = Desk(0)
    desk.chip.stuck = True
    assert {desk.meter.sample() for _ in range(100)} == {ept.NONE}


def test_a_chip_that_is_silent_or_another_or_never_ready():
    desk = Desk()
    desk.chip.dead = True
    assert refused(desk.meter.sample)
    assert not desk.locked
    assert refused(lambda: PowerMeter(desk, ADDRESS, SHUNT_uOhm))
    desk.chip.dead = False
    assert desk.meter.sample() == ept.NONE
    assert refused(lambda: PowerMeter(desk, ADDRESS + 1, SHUNT_uOhm))

    read = desk.chip.read
    desk.chip.read = lambda count: b"\x23\x81\x00"[:count]  # an INA238's identity
    assert refused(lambda: PowerMeter(desk, ADDRESS, SHUNT_uOhm))
    desk.chip.read = lambda count: b"\x80\x01\x00"[:count]  # no conversion ever ends
    assert refused(desk.meter.sample)
    desk.chip.read = read
    assert desk.meter.sample() == ept.NONE


def test_at_rest_it_is_shut_down_and_a_new_meter_wakes_it():
    desk = Desk()
    desk.meter.rest()
    assert desk.register(ADC_CONFIG) >> 12 == 0
    before = desk.chip._shunt
    desk.shunt_uV, desk.now_us = 90_000, desk.now_us + 1_000_000
    desk.register(ADC_CONFIG)
    assert desk.chip._shunt == before  # nothing is converted
    desk.meter = PowerMeter(desk, ADDRESS, SHUNT_uOhm)
    assert desk.meter.sample() == ept.NONE
    assert abs(desk.meter.shunt_uV - 90_000) < 100
