# SPDX-License-Identifier: MIT
"""One cell, its gauge and its greedy host around a board core, for the campaign of the floor.

Modelled: a cell of 60 to 100 % of its provisioned capacity with an inner resistance, a meter whose
voltage is off by up to 0.5 %, the board's own drain, a gauge that is biased, frozen, reset in the
middle, of a cell that was swapped, or that reads a stranger's cell, at rest, from the middle of a
transfer on. Not modelled: temperature, a curve other than OCV_mV, the recovery of a cell's voltage
after a load, two faults at once, a stranger's cell that is itself charged or emptied.
"""

from support import CURVE, Host, make_board
from wptcore import ept, wire
from wptcore.battery import OCV_mV
from wptcore.persistence import POWER_ON
from wptcore.units import power_mW

KINDS = ("biased", "frozen", "reset", "swapped")
STRANGE = "strange"
# How far below 20 % a donor may end, in percent of its true capacity.
MARGIN_pct = {"biased": 6, "frozen": 13, "reset": 6, "swapped": 6, STRANGE: 6}
CAPACITY_mJ = 2_000_000
_STEP_ms = 500
_CURRENT_mA = 1000
_RESISTANCE_mOhm = 150
_SETTLING_ms = 60_000  # time constant of the gauge's estimate after a reset


class Dice:
    """A small generator (Numerical Recipes), the same on every VM."""

    def __init__(self, seed):
        self.state = seed

    def below(self, count):
        self.state = (self.state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self.state >> 8) % count

    def between(self, low, high):
        return low + self.below(high - low + 1)


class Cell:
    def __init__(self, dice):
        self.capacity_mJ = CAPACITY_mJ // 100 * dice.between(60, 100)
        self.energy_mJ = self.capacity_mJ // 100 * dice.between(25, 90)

    @property
    def permille(self):
        return self.energy_mJ * 1000 // self.capacity_mJ

    def voltage_mV(self, current_mA):
        tenth, rest = divmod(min(max(self.permille, 0), 999), 100)
        ocv_mV = OCV_mV[tenth] + (OCV_mV[tenth + 1] - OCV_mV[tenth]) * rest // 100
        return ocv_mV - current_mA * _RESISTANCE_mOhm // 1000


class Gauge:
    """`error_permille` of its reading: constant, or fading after a reset."""

    def __init__(self, cell, error_permille):
        self.cell = cell
        self.error_permille = error_permille
        self.frozen_permille = -1

    def restart(self, current_mA):
        """Guess from the momentary voltage, as the chip does after its reset."""
        voltage_mV = self.cell.voltage_mV(current_mA)
        guess = 0
        for i in range(1, len(OCV_mV)):
            if voltage_mV >= OCV_mV[i - 1]:
                step_mV = OCV_mV[i] - OCV_mV[i - 1]
                guess = (i - 1) * 100 + min((voltage_mV - OCV_mV[i - 1]) * 100 // step_mV, 100)
        self.error_permille = guess - self.cell.permille

    def read(self):
        if self.frozen_permille >= 0:
            return self.frozen_permille
        return min(max(self.cell.permille + self.error_permille, 0), 1000)


class Story:
    """`lowest_permille`: of the cell, whenever power left it through the coil."""

    def __init__(self, seed, kind):
        self.dice = Dice(seed)
        self.kind = kind
        self.meter_ppm = self.dice.between(-5000, 5000)
        self.cell = Cell(self.dice)
        self.gauge = Gauge(self.cell, self.dice.between(-50, 50) if kind == "biased" else 0)
        self.lowest_permille = 1000
        self.transfers = 0
        self._boot(None)

    def _boot(self, saved):
        self.board = make_board(
            saved=saved,
            soc_permille=self.gauge.read(),
            capacity_mJ=CAPACITY_mJ,
            boot_cause=POWER_ON,
        )
        self.host = Host(self.board).hello()

    def live(self):
        dice = self.dice
        trouble = dice.between(0, 5)
        for round_number in range(6):
            if round_number == trouble and self.kind != "reset":
                self._trouble()
            if dice.below(2):
                self._transfer(wire.PRX, dice.between(10, 60))
            self._idle(dice.between(1, 150))
            self._transfer(wire.PTX, 2000, dice.between(1, 400) if round_number == trouble else 0)
        return self.lowest_permille

    def _trouble(self):
        if self.kind == "frozen":
            self.gauge.frozen_permille = self.gauge.read()
            drain_mJ = self.cell.capacity_mJ // 100 * self.dice.between(0, 40)
            self.cell.energy_mJ = max(self.cell.energy_mJ - drain_mJ, 0)
        elif self.kind == "swapped":
            self.cell = Cell(self.dice)
            self.gauge = Gauge(self.cell, 0)
            self.gauge.restart(0)
            self.board._store.due = True
            self._boot(self.board.pop_save())
            self.board.on_gauge_reset()

    def _trouble_on_the_way(self, current_mA):
        if self.kind == "reset":
            self.gauge.restart(current_mA)
            self.board.on_gauge_reset()
        elif self.kind == STRANGE:
            self.gauge.cell = Cell(self.dice)

    def _transfer(self, role, steps, reset_after=0):
        self.transfers += 1
        grant = {"role": role, "energy_max_mJ": 10**8, "duration_max_ms": 10**8, "lease_ms": 5000}
        if self.host.grant(transfer_id=self.transfers, **grant) != ept.NONE:
            return
        for step in range(steps):
            if not self.board.is_running:
                return
            if step == reset_after > 0:
                self._trouble_on_the_way(_CURRENT_mA if role == wire.PTX else -_CURRENT_mA)
            self._step(_CURRENT_mA if role == wire.PTX else -_CURRENT_mA)
            sent_mW = power_mW(self.board.figures[1], _CURRENT_mA)
            self.host.send(wire.RENEW, self.transfers, 5000, _received_mW(sent_mW), 0)
        self.host.send(wire.STOP, self.transfers)

    def _idle(self, time_s):
        for _ in range(time_s * 1000 // _STEP_ms):
            self._step(0)

    def _step(self, current_mA):
        """Let power flow for a step; both directions are metered at the cell's lead."""
        board, cell = self.board, self.cell
        if not board.pulses_on and not board.receiver_on:
            current_mA = 0
        donates = board.coil_on
        voltage_mV = cell.voltage_mV(current_mA)
        loss_mV = current_mA * _RESISTANCE_mOhm // 1000
        cell.energy_mJ -= (voltage_mV + loss_mV) * current_mA // 1000 * _STEP_ms // 1000
        self.gauge.error_permille -= (
            self.gauge.error_permille * _STEP_ms // _SETTLING_ms if self.kind != "biased" else 0
        )
        metered_mV = voltage_mV + voltage_mV * self.meter_ppm // 1_000_000
        noise_mA = self.dice.below(3) if current_mA else 0
        board.on_sample(metered_mV, current_mA + noise_mA, 300, 250, _STEP_ms)
        board.on_soc(self.gauge.read())
        board.on_elapsed(_STEP_ms)
        if donates:
            self.lowest_permille = min(self.lowest_permille, cell.permille)


def _received_mW(sent_mW):
    """Return what a sound rig receives: the inverse of its loss curve."""
    low_mW, high_mW = 0, sent_mW
    while high_mW - low_mW > 1:
        middle_mW = (low_mW + high_mW) // 2
        if CURVE.sent_mW(middle_mW) > sent_mW:
            high_mW = middle_mW
        else:
            low_mW = middle_mW
    return low_mW


def lowest_permille(seed, kind=""):
    """Return (kind, the lowest true charge at which the coil was on) of one random cell.

    Without a `kind` the seed chooses one of KINDS.
    """
    kind = kind or KINDS[seed % len(KINDS)]
    return kind, Story(seed * 7919 + 1, kind).live()
