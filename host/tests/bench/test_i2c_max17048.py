# SPDX-License-Identifier: MIT
"""The MAX17048 model through Adafruit's driver, unmodified."""

import time

import pytest

from crowdcharge.bench.i2c import Bus
from crowdcharge.bench.i2c.max17048 import Max17048


class Busio:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def try_lock(self) -> bool:
        return True

    def unlock(self) -> None:
        pass

    def writeto(self, address, buffer, *, start=0, end=None):
        self._bus.transfer(address, bytes(buffer[start:end]), 0)

    def writeto_then_readfrom(
        self, address, out, into, *, out_start=0, out_end=None, in_start=0, in_end=None
    ):
        count = len(into[in_start:in_end])
        into[in_start:in_end] = self._bus.transfer(address, bytes(out[out_start:out_end]), count)


@pytest.fixture
def rig(monkeypatch):
    """The driver's 192 ms wait passes on the chip's clock."""
    max1704x = pytest.importorskip("adafruit_max1704x")
    clock = [0.0]
    monkeypatch.setattr(time, "sleep", lambda dt_s: clock.__setitem__(0, clock[0] + dt_s))
    chip = Max17048(lambda: (3_870_000, 610_000, -1500), lambda: round(clock[0] * 1e6))
    bus = Bus()
    bus.attach(chip)
    return max1704x.MAX17048(Busio(bus)), chip, clock


def test_the_driver_reads_the_cell(rig):
    gauge, _chip, _clock = rig
    assert gauge.chip_version == 0x0012
    assert gauge.cell_voltage == pytest.approx(3.87, abs=8e-5)
    assert gauge.cell_percent == pytest.approx(61.0, abs=0.004)
    assert gauge.charge_rate == pytest.approx(-150.0, abs=0.21)
    assert not gauge.reset_alert


def test_after_a_reset_it_reads_zero_until_it_has_measured(rig):
    gauge, chip, clock = rig
    with pytest.raises(OSError):
        chip.write(bytes((0xFE, 0x54, 0x00)))
    assert (gauge.cell_voltage, gauge.cell_percent) == (0.0, 0.0)
    assert gauge.reset_alert
    clock[0] += 0.018
    assert gauge.cell_voltage > 3
    assert gauge.cell_percent == 0.0
    clock[0] += 0.18
    assert gauge.cell_percent > 60


def test_a_lost_gauge_does_not_answer(rig):
    gauge, chip, _clock = rig
    chip.lost = True
    with pytest.raises(OSError):
        _ = gauge.cell_percent


def test_registers_that_can_be_written_keep_their_bytes(rig):
    gauge, _chip, _clock = rig
    gauge.reset_voltage = 2.5
    gauge.voltage_alert_min = 3.3
    assert gauge.reset_voltage == pytest.approx(2.5, abs=0.021)
    assert gauge.voltage_alert_min == pytest.approx(3.3, abs=0.011)
