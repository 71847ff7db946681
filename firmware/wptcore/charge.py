# SPDX-License-Identifier: MIT
"""Judges the state of charge: a gauge is believed only while nothing speaks against it.

A gauge (MAX17048) that was reset guesses from the momentary voltage, which is high after charging
(data sheet 19-6171, "Quick-Start"). One that stands still while counted energy says three percent
has stopped, which only a reading can show: what flowed since the last one is no evidence. A cell
whose voltage at rest is that of a nearly empty one is nearly empty.
"""

from wptcore.battery import soc_from_rest_permille
from wptcore.compat import const
from wptcore.wire import SOC_UNKNOWN_permille

_REST_mA = const(20)
_REST_ms = const(2000)
RESET_SETTLE_ms = const(10_000)  # at rest
CHARGE_SETTLE_ms = const(60_000)  # a cell's surface charge fades
_STILL_permille = const(30)  # counted energy, in thousandths of the capacity
_STILL_MIN_ms = const(10_000)  # no gauge follows a very small cell faster
_MOVED_permille = const(3)
_BELOW_permille = const(50)  # how far a rest voltage must be below the floor to be believed


class Charge:
    """`capacity_mJ`: as provisioned; `mark_permille`, `unmoved_mJ`: as saved.

    `unmoved_mJ` is the energy, positive when it left the cell, that was counted since the gauge
    last moved, from its reading `mark_permille`.
    """

    def __init__(self, capacity_mJ: int, mark_permille: int, unmoved_mJ: int):
        self._capacity_mJ = capacity_mJ
        self.mark_permille = mark_permille
        self.unmoved_mJ = unmoved_mJ
        self._unmoved_ms = _STILL_MIN_ms
        self._stands_still = False
        self._reading_permille = SOC_UNKNOWN_permille
        self._reset_ms = 0  # what a gauge that was reset still needs
        self._since_charge_ms = 0  # a boot may follow a charge, so it counts as the end of one
        self._rest_ms = 0
        self._rest_permille = 1000

    # -- events --

    def on_gauge_reset(self) -> None:
        """Stop believing the gauge until the cell has rested, because its estimate begins anew."""
        self._reset_ms = RESET_SETTLE_ms
        if self._since_charge_ms < CHARGE_SETTLE_ms:
            self._reset_ms = CHARGE_SETTLE_ms
        self._mark(SOC_UNKNOWN_permille)

    def on_reading(self, soc_permille: int) -> None:
        self._reading_permille = soc_permille
        if soc_permille > 1000:
            return
        fell_permille = self.mark_permille - soc_permille
        if self.unmoved_mJ < 0:
            fell_permille = -fell_permille
        if (
            self.mark_permille > 1000
            or self.unmoved_mJ == 0
            or fell_permille >= _MOVED_permille
            or fell_permille <= -_STILL_permille
            or soc_permille == 1000  # a full cell's reading cannot rise
        ):
            self._mark(soc_permille)
        self._stands_still = (
            self._unmoved_ms >= _STILL_MIN_ms
            and abs(self.unmoved_mJ) >= self._capacity_mJ // 1000 * _STILL_permille
        )

    def count(self, sent_mJ: int) -> None:
        """Add energy that left the cell; what entered it is negative."""
        self.unmoved_mJ += sent_mJ
        if sent_mJ < 0:
            self._charging()

    def sample(self, bus_mV: int, current_mA: int, dt_ms: int) -> None:
        """Take a sample of the battery lead while neither coil is on and no cable is plugged."""
        if not -_REST_mA < current_mA < _REST_mA:
            self.disturb()
            return
        self._rest_ms += dt_ms
        if self._rest_ms >= _REST_ms:
            self._rest_permille = soc_from_rest_permille(bus_mV)

    def disturb(self) -> None:
        """Note that the cell is not at rest."""
        self._rest_ms = 0

    def on_cable(self) -> None:
        """Note that a charger feeds the cell past all meters."""
        self.disturb()
        self._charging()
        self._rest_permille = 1000
        self._mark(self._reading_permille)

    def elapse(self, dt_ms: int) -> None:
        self._since_charge_ms = min(self._since_charge_ms + dt_ms, CHARGE_SETTLE_ms)
        if self._rest_ms > 0:
            self._reset_ms = max(self._reset_ms - dt_ms, 0)
        if self.unmoved_mJ != 0:
            self._unmoved_ms = min(self._unmoved_ms + dt_ms, _STILL_MIN_ms)

    # -- judgement --

    @property
    def soc_permille(self) -> int:
        """The charge, or SOC_UNKNOWN_permille while the gauge cannot be believed."""
        if self._reset_ms > 0 or self._stands_still:
            return SOC_UNKNOWN_permille
        return self._reading_permille

    @property
    def is_settled(self) -> bool:
        """Has the cell rested since it was last charged?"""
        return self._since_charge_ms >= CHARGE_SETTLE_ms

    def is_low(self, floor_pct: int) -> bool:
        """Tell whether the voltage at rest says that the cell is far below this floor."""
        return self._rest_permille + _BELOW_permille <= floor_pct * 10

    def _mark(self, soc_permille: int) -> None:
        self.mark_permille = soc_permille
        self.unmoved_mJ = 0
        self._unmoved_ms = 0
        self._stands_still = False

    def _charging(self) -> None:
        self._since_charge_ms = 0
