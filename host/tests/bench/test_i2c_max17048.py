# SPDX-License-Identifier: MIT
"""The MAX17048 model through Adafruit's driver, unmodified, and the firmware's gauge on it."""

import time
from dataclasses import replace

import pytest
from adafruit_max1704x import MAX17048

from crowdcharge.bench.i2c import Bus
from crowdcharge.bench.i2c.cpython_busio import Busio
from crowdcharge.bench.i2c.max17048 import CellTruth, Max17048
from ports.shared.gauge import FuelGauge
from wptcore.settling import REST_ms
from wptcore.wire import SOC_UNKNOWN_permille

REST = CellTruth(voltage_V=3.8786, soc=0.61, rate_per_h=0.0, current_A=0.0)


class Rig(Busio):
    """A chip on a cell, and its clock: what waits, waits on it."""

    def __init__(self, kind: bool = False) -> None:
        self.truth = REST
        self.time_s = 0.0
        self.chip = Max17048(lambda: self.truth, lambda: round(self.time_s * 1e6), kind=kind)
        self.bus = Bus()
        self.bus.attach(self.chip)
        super().__init__(self.bus)

    def sleep(self, dt_s: float) -> None:
        self.time_s += dt_s


@pytest.fixture
def rig(monkeypatch):
    made = Rig()
    monkeypatch.setattr(time, "sleep", made.sleep)
    return made


def let(gauge: FuelGauge, rig: Rig, seconds: float, current_mA: int = 0) -> list[int]:
    """Return what the gauge says while the board samples for this long, four times a second."""
    said = []
    for _ in range(round(seconds * 4)):
        rig.time_s += 0.25
        gauge.add(3800, current_mA, 250, False, False)
        said.append(gauge.read_permille())
    return said


# -- the chip --


def test_the_driver_reads_the_cell(rig):
    rig.truth = replace(REST, rate_per_h=-1.5)
    gauge = MAX17048(rig)
    assert gauge.chip_version == 0x0012
    assert gauge.cell_voltage == pytest.approx(3.8786, abs=8e-5)
    assert gauge.cell_percent == pytest.approx(61.0, abs=0.2)
    assert gauge.charge_rate == pytest.approx(-150.0, abs=0.21)
    assert not gauge.reset_alert


def test_after_a_reset_it_reads_zero_until_it_has_measured(rig):
    gauge = MAX17048(rig)
    with pytest.raises(OSError):
        rig.chip.write(bytes((0xFE, 0x54, 0x00)))
    assert (gauge.cell_voltage, gauge.cell_percent) == (0.0, 0.0)
    assert gauge.reset_alert
    rig.time_s += 0.018
    assert gauge.cell_voltage > 3
    assert gauge.cell_percent == 0.0
    rig.time_s += 0.18
    assert gauge.cell_percent > 60


@pytest.mark.parametrize(("off_V", "wrong"), [(+0.03, +1), (-0.15, -1)], ids=["charged", "loaded"])
def test_a_reset_guesses_from_the_voltage_of_the_moment_and_the_error_fades(rig, off_V, wrong):
    rig.truth = replace(REST, voltage_V=REST.voltage_V + off_V)
    gauge = MAX17048(rig)  # whose constructor resets the chip
    rig.truth = REST
    assert wrong * (gauge.cell_percent - 61.0) > 3.0
    rig.time_s += 4 * 3600
    assert gauge.cell_percent == pytest.approx(61.0, abs=0.2)


def test_under_load_it_reads_low(rig):
    gauge = MAX17048(rig)
    rig.truth = replace(REST, current_A=1.5)
    assert gauge.cell_percent == pytest.approx(59.5, abs=0.2)


def test_a_kind_chip_is_right(monkeypatch):
    rig = Rig(kind=True)
    monkeypatch.setattr(time, "sleep", rig.sleep)
    rig.truth = replace(REST, voltage_V=3.6, current_A=1.5)
    assert MAX17048(rig).cell_percent == pytest.approx(61.0, abs=0.01)


def test_a_lost_gauge_does_not_answer(rig):
    gauge = MAX17048(rig)
    rig.chip.lost = True
    with pytest.raises(OSError):
        _ = gauge.cell_percent


def test_registers_that_can_be_written_keep_their_bytes(rig):
    gauge = MAX17048(rig)
    gauge.reset_voltage = 2.5
    gauge.voltage_alert_min = 3.3
    assert gauge.reset_voltage == pytest.approx(2.48, abs=0.04)
    assert gauge.voltage_alert_min == pytest.approx(3.3, abs=0.02)


# -- the firmware's gauge on it --


def test_a_boot_leaves_the_chip_alone(rig):
    rig.truth = replace(REST, voltage_V=4.1, current_A=0.0)  # as just after charging
    gauge = FuelGauge(rig, 0x36)
    assert gauge.read_permille() == pytest.approx(610, abs=2)
    assert rig.time_s == 0.0, "and nothing waits"


def test_bus_errors_do_not_reset_the_chip(rig):
    gauge = FuelGauge(rig, 0x36)
    assert gauge.read_permille() == pytest.approx(610, abs=2)
    rig.truth = replace(REST, voltage_V=4.1)
    for _ in range(5):
        rig.chip.lost = True
        assert gauge.read_permille() == SOC_UNKNOWN_permille
        rig.chip.lost = False
        assert gauge.read_permille() == pytest.approx(610, abs=2)


@pytest.mark.parametrize("off_V", [+0.1, -0.2], ids=["reads high", "reads low"])
def test_after_a_reset_nothing_is_said_until_the_cell_has_rested(rig, off_V):
    gauge = FuelGauge(rig, 0x36)
    rig.truth = replace(REST, voltage_V=REST.voltage_V + off_V)
    rig.chip.cell_fitted()
    assert set(let(gauge, rig, 600, current_mA=800)) == {SOC_UNKNOWN_permille}
    assert set(let(gauge, rig, REST_ms / 1000 - 1)) == {SOC_UNKNOWN_permille}
    rig.truth = REST
    said = let(gauge, rig, 3)
    known = [each for each in said if each != SOC_UNKNOWN_permille]
    assert known
    assert known == pytest.approx([610] * len(known), abs=3)
    rig.chip.cell_fitted()
    assert gauge.read_permille() == SOC_UNKNOWN_permille, "each time anew"


def test_a_rest_that_is_broken_begins_anew(rig):
    gauge = FuelGauge(rig, 0x36)
    rig.chip.cell_fitted()
    for _ in range(3):
        assert set(let(gauge, rig, 0.9 * REST_ms / 1000)) == {SOC_UNKNOWN_permille}
        assert set(let(gauge, rig, 1, current_mA=-300)) == {SOC_UNKNOWN_permille}


def test_a_gauge_that_comes_late_is_found(rig):
    rig.chip.lost = True
    gauge = FuelGauge(rig, 0x36)
    assert gauge.read_permille() == SOC_UNKNOWN_permille
    rig.chip.lost = False
    assert gauge.read_permille() == pytest.approx(610, abs=2)
