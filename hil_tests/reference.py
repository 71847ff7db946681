# SPDX-License-Identifier: MIT
"""The reference: INA219 breakouts on the bench's Raspberry Pi, read by the boards' own driver.

The chips are no better than the boards', but calibrated against a better meter, and averaged:
each reading is the mean of 128 samples (68 ms, data sheet table 5).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from adafruit_ina219 import INA219, ADCResolution, BusVoltageRange, Gain, Mode
from hil_tests.benchfile import Reference

from wptcore.calibration import current_uA

_FLOWING_W = 0.05


class ReferenceMeter:
    """A meter on `bus`, a busio.I2C. OSError or ValueError: the chip does not answer."""

    def __init__(self, bus: Any, entry: Reference) -> None:
        self._entry = entry
        self._chip = chip = INA219(bus, entry.address)
        chip.bus_voltage_range = BusVoltageRange.RANGE_16V
        chip.gain = Gain.DIV_8_320MV
        chip.bus_adc_resolution = ADCResolution.ADCRES_12BIT_128S
        chip.shunt_adc_resolution = ADCResolution.ADCRES_12BIT_128S
        chip.mode = Mode.SANDBVOLT_CONTINUOUS

    def read(self) -> tuple[float, float]:
        """Return (bus_V, current_A), corrected by the calibration record."""
        entry = self._entry
        shunt_uV = self._chip.raw_shunt_voltage * 10
        raw_uA = current_uA(shunt_uV, entry.shunt_uOhm) - entry.offset_uA
        bus_V = self._chip.bus_voltage - entry.bus_offset_uV * 1e-6
        current_A = raw_uA * (1 + entry.gain_ppm * 1e-6) * 1e-6
        return bus_V * (1 + entry.bus_gain_ppm * 1e-6), current_A


@dataclass(slots=True)
class Record:
    """Energy by the trapezoidal rule over (time_s, power_W), and the edges of the flow."""

    energy_J: float = 0.0
    power_W: float = 0.0
    current_A: float = 0.0
    time_s: float | None = None
    edges: list[tuple[float, bool]] = field(default_factory=list)

    def add(self, time_s: float, bus_V: float, current_A: float) -> None:
        power_W = abs(bus_V * current_A)
        if self.time_s is not None:
            self.energy_J += (self.power_W + power_W) / 2 * (time_s - self.time_s)
        flows = power_W >= _FLOWING_W
        if flows != (self.power_W >= _FLOWING_W):
            self.edges.append((time_s, flows))
        self.time_s, self.power_W, self.current_A = time_s, power_W, current_A


class ReferenceBank:
    """All reference meters of a bench, which `poll` reads once; `now_s` is the bench's clock."""

    def __init__(self, bus: Any, entries: tuple[Reference, ...], now_s: Callable[[], float]):
        self._now_s = now_s
        self._meters = {(each.board, each.side): ReferenceMeter(bus, each) for each in entries}
        self.records = {key: Record() for key in self._meters}

    def poll(self) -> None:
        for key, meter in self._meters.items():
            bus_V, current_A = meter.read()
            self.records[key].add(self._now_s(), bus_V, current_A)
