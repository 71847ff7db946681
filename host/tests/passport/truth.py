# SPDX-License-Identifier: MIT
"""A board with a hidden battery: the bench's cell, coil and chips, and the firmware's own meter.

The cell ages by laws that the passport's estimators do not know: capacity by a power of time,
resistance in a line, and the open-circuit voltage is the bench's table.
"""

import random
from dataclasses import replace

from crowdcharge.bench.i2c import Bus
from crowdcharge.bench.i2c.cpython_busio import Busio
from crowdcharge.bench.i2c.ina219 import Ina219
from crowdcharge.bench.i2c.max17048 import SOC, CellTruth, Max17048
from crowdcharge.bench.i2c.noise import Noise
from crowdcharge.bench.physics.battery import Cell
from crowdcharge.bench.physics.coil import CoilLink
from crowdcharge.bench.physics.plant import Node
from crowdcharge.bench.physics.shunt import Shunt
from ports.shared.ina219_meter import PowerMeter

YEAR_s = 365 * 86_400.0
STEP_s = 30.0
SHUNT_uOhm = 100_000


class HiddenBoard:
    """`time_s` counts from the first day; power flows while `give` or `take` steps."""

    def __init__(self, seed: int) -> None:
        self.chance = chance = random.Random(seed)
        self.time_s = 0.0
        self.new_J = chance.uniform(15_000, 30_000)  # 1.1 to 2.2 Ah
        self.new_Ohm = chance.uniform(0.05, 0.2)
        self.fade = chance.uniform(0.01, 0.25)  # in a year
        self.growth = chance.uniform(0.0, 0.8)
        self.declared_mJ = round(self.new_J * chance.uniform(0.98, 1.05)) * 1000
        self.node = Node(1, Cell(self.new_J, self.new_Ohm), 0, idle_W=chance.uniform(0.02, 0.2))
        self.node.set_soc(0.9)
        self.shunt = Shunt(SHUNT_uOhm * 1e-6, error_ppm=chance.uniform(-10_000, 10_000))
        self.link = CoilLink()
        bus = Bus()
        bus.attach(Ina219(0x40, self._lead, self._now_us, Noise(seed + 1)))
        self.gauge = Max17048(self._cell, self._now_us)
        self.meter = PowerMeter(Busio(bus, self.elapse), 0x40, SHUNT_uOhm)

    @property
    def capacity_J(self) -> float:
        return self.new_J * (1 - self.fade * (self.time_s / YEAR_s) ** 0.75)

    @property
    def resistance_Ohm(self) -> float:
        return self.new_Ohm * (1 + self.growth * self.time_s / YEAR_s)

    def elapse(self, time_s: float) -> None:
        self.time_s += time_s

    def _now_us(self) -> int:
        return round(self.time_s * 1e6)

    def _lead(self) -> tuple[int, int]:
        """Return what the meter in the cell's lead sits on; on the other side nobody asks it."""
        shunt_uV = self.shunt.voltage_uV(self.node.tx_A, self.time_s)
        return shunt_uV, round(self.node.tx_bus_V * 1000)

    def _cell(self) -> CellTruth:
        node = self.node
        return CellTruth(node.cell_V + node.relax_V, node.soc, 0.0, node.cell_A)

    def age(self) -> None:
        """Bring the cell to its age; the charge, as a share, stays."""
        soc = self.node.soc
        self.node.cell = replace(
            self.node.cell, capacity_J=self.capacity_J, resistance_Ohm=self.resistance_Ohm
        )
        self.node.set_soc(soc)

    def soc_permille(self) -> int:
        self.gauge.write(bytes([SOC]))
        high, low = self.gauge.read(2)
        return min(max(round((high << 8 | low) / 25.6), 0), 1000)

    def coil_dC(self) -> int:
        return round(self.node.coil.temperature_C * 10)

    def wait(self, duration_s: float) -> None:
        """Let time pass with no power; the board itself draws."""
        self.node.rest()
        ends_s = self.time_s + duration_s
        while self.time_s < ends_s:
            dt_s = min(ends_s - self.time_s, 300.0)
            self.node.relax(dt_s)
            self.time_s += dt_s
        self.meter.sample()

    def give(self, power_W: float) -> int:
        """Give for a step; return the energy that the meter counted, in uJ."""
        node = self.node
        node.rest()
        sent_nJ = node.draw(power_W, STEP_s)
        node.warm_coil(round(sent_nJ * 0.25))
        node.relax(STEP_s)
        ends_s = self.time_s + STEP_s
        self.time_s = ends_s
        self.meter.sample()
        self.time_s = ends_s
        return round(self.meter.bus_mV * self.meter.current_mA * STEP_s)

    def take(self, power_W: float) -> None:
        self.node.rest()
        self.node.charge(power_W, self.link, STEP_s)
        self.node.relax(STEP_s)
        self.time_s += STEP_s
