# SPDX-License-Identifier: MIT
"""A meter's shunt: its tolerance, and how far its own heat moves it.

A 0.1 Ohm metal strip of size 2512 (2 W) on a breakout: 75 ppm/K (the usual grade), some 80 K/W to
the air and a time constant of 5 s (our estimates). At 1.8 A it takes 0.32 W, warms by 26 K and
reads 0.2 % high, so a calibration at one load is not quite right at another, nor at another
temperature of the air.
"""

from dataclasses import dataclass, field

from crowdcharge.bench.physics.thermal import Lump

_TCR_ppm_PER_K = 75.0
_NOMINAL_C = 25.0
_RESISTANCE_K_PER_W = 80.0
_CAPACITY_J_PER_K = 0.0625


@dataclass(slots=True)
class Shunt:
    """`error_ppm`: how far it is from `nominal_Ohm` at 25 C; `warms`: by its own current."""

    nominal_Ohm: float
    warms: bool = True
    error_ppm: float = 0.0
    bridged: bool = False  # a short across it: it drops nothing
    ambient_C: float = _NOMINAL_C
    _lump: Lump = field(
        default_factory=lambda: Lump(_NOMINAL_C, _RESISTANCE_K_PER_W, _CAPACITY_J_PER_K)
    )
    _time_s: float = 0.0

    @property
    def resistance_Ohm(self) -> float:
        warmer_K = self.ambient_C - _NOMINAL_C + self._lump.over_K
        off_ppm = self.error_ppm + _TCR_ppm_PER_K * warmer_K
        return self.nominal_Ohm * (1 + off_ppm * 1e-6)

    def voltage_uV(self, current_A: float, now_s: float) -> int:
        """Return the drop at `now_s`; the current is taken as constant since the last call."""
        if self.warms:
            dt_s, self._time_s = now_s - self._time_s, now_s
            self._lump.step(dt_s, current_A**2 * self.resistance_Ohm * dt_s)
        return 0 if self.bridged else round(current_A * self.resistance_Ohm * 1e6)
