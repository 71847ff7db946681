# SPDX-License-Identifier: MIT
"""The firmware's meters on the modelled chips: accuracy over random profiles, and a frozen chip.

docs/explanation/plant.md quotes the limits; `test_the_page_says_the_same` holds it to them.
"""

import random
import statistics
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from crowdcharge.bench.i2c import Bus
from crowdcharge.bench.i2c.cpython_busio import Busio
from crowdcharge.bench.i2c.ina219 import Ina219
from crowdcharge.bench.i2c.ina228 import Ina228
from crowdcharge.bench.i2c.noise import Noise
from crowdcharge.bench.physics.shunt import Shunt
from crowdcharge.flash import fit
from crowdcharge.flash.calibrate import QUANTITIES
from crowdcharge.flash.fit import Point
from ports.shared import ina219_meter, ina228_meter
from wptcore import calibration, ept


@dataclass(frozen=True)
class Fitted:
    """A chip, its meter and shunt, and what the page says of them."""

    chip: Any
    meter: Any
    shunt_uOhm: int
    as_built_pct: float  # a shunt of 1 %, the chip's own errors, and the shunt's heat
    calibrated_pct: float  # two loads and two voltages against a reference of 0.05 %
    drifts_ppm_per_K: tuple[int, int]  # of the gains of shunt and bus
    as_built_edges_pct: float  # at EDGES_C
    calibrated_edges_pct: float  # the same, calibrated at 25 C


METERS = {
    "ina219": Fitted(Ina219, ina219_meter.PowerMeter, 100_000, 2.5, 0.5, (10, 83), 2.8, 0.9),
    "ina228": Fitted(Ina228, ina228_meter.PowerMeter, 15_000, 1.3, 0.4, (20, 20), 1.6, 0.7),
}
PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "plant.md"
REFERENCE_ppm = 500.0
DT_ms = 100
EDGES_C = (0.0, 45.0)  # between which a cell is charged


class Rig:
    """One board's lead: a true current and voltage, a shunt, a chip, and the firmware's meter."""

    def __init__(self, seed: int, part: str = "ina219") -> None:
        self.part, self.fitted = part, METERS[part]
        self.rng = random.Random(seed)
        self.time_s = 0.0
        self.current_A, self.bus_V = 0.0, 4.0
        self.shunt = Shunt(
            self.fitted.shunt_uOhm * 1e-6, error_ppm=self.rng.uniform(-10_000, 10_000)
        )
        self.chip = self.fitted.chip(
            0x40, self._measure, lambda: round(self.time_s * 1e6), Noise(seed)
        )
        chance = random.Random(f"drift {seed}")
        self.drifts_ppm_per_K = [
            each * chance.choice((-1, 1)) for each in self.fitted.drifts_ppm_per_K
        ]
        self.bus = Bus()
        self.bus.attach(self.chip)
        self.meter = self._meter()

    def _meter(self, *corrections: tuple[int, int]):
        bus = Busio(self.bus, self.elapse)
        return self.fitted.meter(bus, 0x40, self.fitted.shunt_uOhm, *corrections)

    def _measure(self) -> tuple[int, int]:
        return self.shunt.voltage_uV(self.current_A, self.time_s), round(self.bus_V * 1000)

    def elapse(self, time_s: float) -> None:
        self.time_s += time_s

    def at(self, temperature_C: float) -> "Rig":
        """Let shunt and chip be that warm. Errors of the models are those at 25 C."""
        warmer_K = round(temperature_C - self.shunt.ambient_C)
        self.shunt.ambient_C = temperature_C
        self.chip._gain_ppm += self.drifts_ppm_per_K[0] * warmer_K
        self.chip._bus_gain_ppm += self.drifts_ppm_per_K[1] * warmer_K
        return self

    def calibrated(self, samples: int = 60) -> None:
        """Do what `crowdcharge calibrate meter` does: two loads, two voltages, one reference."""
        shunt_uOhm = self.fitted.shunt_uOhm
        step_uV = {name: each.step_uV[self.part] for name, each in QUANTITIES.items()}
        step_mA, step_mV = step_uV["current"] / shunt_uOhm * 1000, step_uV["bus"] / 1000
        reference = 1 + self.rng.gauss(0, REFERENCE_ppm * 1e-6)
        loads, voltages = [], []
        for current_A, bus_V in ((0.1, 3.3), (1.2, 5.0)):
            self.current_A, self.bus_V = current_A, bus_V
            self.time_s += 30.0
            self._measure()
            shunt_mA, bus_mV = [], []
            for _ in range(samples):
                assert self.meter.sample() in (ept.NONE, ept.METER_CALIBRATION)
                shunt_mA.append(calibration.current_uA(self.meter.shunt_uV, shunt_uOhm) / 1000)
                bus_mV.append(float(self.meter.raw_bus_mV))
            loads.append(Point(current_A * 1000 * reference, statistics.mean(shunt_mA), step_mA))
            voltages.append(Point(bus_V * 1000 * reference, statistics.mean(bus_mV), step_mV))
        current, bus = (fit.correction(each, REFERENCE_ppm) for each in (loads, voltages))
        self.meter = self._meter((current.gain_ppm, current.offset), (bus.gain_ppm, bus.offset))

    def error_pct(self, seconds: float = 40.0) -> float:
        """Compare the metered energy with the true one, over a profile of random powers."""
        true_uJ = metered_uJ = 0.0
        until_s = self.time_s
        ends_s = self.time_s + seconds
        while self.time_s < ends_s:
            if self.time_s >= until_s:
                self.current_A = self.rng.uniform(0.2, 1.5)
                self.bus_V = self.rng.uniform(3.3, 5.1)
                until_s = self.time_s + self.rng.uniform(0.5, 8.0)
            assert self.meter.sample() in (ept.NONE, ept.METER_CALIBRATION)
            metered_uJ += self.meter.bus_mV * self.meter.current_mA * DT_ms / 1000
            true_uJ += self.bus_V * self.current_A * DT_ms * 1000
            self.time_s += DT_ms / 1000
        return 100 * (metered_uJ / true_uJ - 1)


@pytest.mark.parametrize("part", METERS)
def test_over_random_profiles_the_meter_is_as_good_as_stated(part):
    fitted, as_built, calibrated = METERS[part], [], []
    for seed in range(1, 31):
        rig = Rig(seed, part)
        as_built.append(abs(rig.error_pct()))
        rig.calibrated()
        calibrated.append(abs(rig.error_pct()))
    assert max(as_built) < fitted.as_built_pct
    assert max(calibrated) < fitted.calibrated_pct
    assert max(as_built) > 2 * fitted.calibrated_pct, "the errors are really there"
    assert statistics.mean(calibrated) < statistics.mean(as_built) / 3


@pytest.mark.parametrize("part", METERS)
def test_at_the_edges_of_temperature_the_meter_is_as_good_as_stated(part):
    """The calibration is of 25 C."""
    fitted, as_built, calibrated = METERS[part], [], []
    for seed in range(1, 16):
        rig = Rig(seed, part)
        as_built.append([rig.at(edge_C).error_pct() for edge_C in EDGES_C])
        rig.at(25.0).calibrated()
        calibrated.append([rig.at(edge_C).error_pct() for edge_C in EDGES_C])
    assert max(map(abs, chain(*as_built))) < fitted.as_built_edges_pct
    assert max(map(abs, chain(*calibrated))) < fitted.calibrated_edges_pct
    assert statistics.mean(abs(cold - warm) for cold, warm in calibrated) > 0.1, "it is there"


@pytest.mark.parametrize("part", METERS)
def test_the_page_says_the_same(part):
    words = " ".join(PAGE.read_text(encoding="utf-8").split())
    fitted = METERS[part]
    row = f"| {part.upper()}, {fitted.shunt_uOhm / 1e6:g} Ohm |"
    stated_pct = (
        fitted.as_built_pct,
        fitted.calibrated_pct,
        fitted.as_built_edges_pct,
        fitted.calibrated_edges_pct,
    )
    assert f"{row} {' | '.join(f'{each:g} %' for each in stated_pct)} |" in words


@pytest.mark.parametrize("current_A", [0.02, 0.1, 0.3999, 0.4, 0.8, 1.2345, 2.9])
@pytest.mark.parametrize("seed", range(1, 7))
@pytest.mark.parametrize("part", METERS)
def test_a_steady_load_is_no_stuck_meter(part, current_A, seed):
    rig = Rig(seed, part)
    rig.shunt.warms = False
    rig.current_A, rig.bus_V = current_A, 3.8
    codes, values = set(), []
    for _ in range(400):
        codes.add(rig.meter.sample())
        values.append(rig.meter.shunt_uV)
        rig.time_s += 0.02
    assert ept.METER_STUCK not in codes


def test_the_steps_are_really_repeated():
    """The fault that this guards against needs a chip that repeats its value: the INA219."""
    longest = 0
    for seed in range(1, 20):
        rig = Rig(seed)
        rig.shunt.warms, rig.current_A, same, last = False, 0.8, 0, None
        for _ in range(200):
            rig.meter.sample()
            same = same + 1 if rig.meter.shunt_uV == last else 0
            last = rig.meter.shunt_uV
            longest = max(longest, same)
    assert longest > 50


@pytest.mark.parametrize("current_A", [0.1, 0.5, 1.5])
@pytest.mark.parametrize("part", METERS)
def test_a_frozen_meter_is_found_within_two_seconds(part, current_A):
    rig = Rig(3, part)
    rig.current_A = current_A
    assert rig.meter.sample() == ept.NONE
    rig.chip.stuck = True
    codes = []
    for _ in range(100):
        codes.append(rig.meter.sample())
        rig.time_s += 0.02
    assert codes[-1] == ept.METER_STUCK
