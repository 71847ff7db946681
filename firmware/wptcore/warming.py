# SPDX-License-Identifier: MIT
"""Does the coil's thermistor feel the coil? It must warm when the meters show a loss.

The virtual coil (10 J/K, 60 % of the link's loss) warms by 3 degrees from the energy that is asked
for here; a third of that is enough. What a real coil does has not been measured yet.
"""

from wptcore.compat import const
from wptcore.units import TEMPERATURE_UNKNOWN_dC

DULL_LOSS_mJ = const(60_000)
_WARMED_dC = const(10)
_COOL_ms = const(600_000)  # after so long without power the coil is as cool as at first


class Warming:
    def __init__(self):
        self._idle_ms = _COOL_ms
        self._judged = False
        self._cool_dC = 0
        self._loss_mJ = 0

    def begin(self, coil_dC: int) -> None:
        """Note that a transfer begins; one with a warm coil is judged with the last."""
        if self._idle_ms >= _COOL_ms:
            self._judged = False
            self._cool_dC = coil_dC
            self._loss_mJ = 0
        self._idle_ms = 0

    def elapse(self, dt_ms: int, is_running: bool) -> None:
        self._idle_ms = 0 if is_running else min(self._idle_ms + dt_ms, _COOL_ms)

    def lose(self, loss_mJ: int, coil_dC: int) -> int:
        """Add a metered loss; return 1 for a dull thermistor, -1 for one that feels, else 0."""
        if coil_dC == TEMPERATURE_UNKNOWN_dC:
            return 1
        if self._judged:
            return 0
        self._cool_dC = min(self._cool_dC, coil_dC)
        self._loss_mJ += max(loss_mJ, 0)
        if coil_dC - self._cool_dC >= _WARMED_dC:
            self._judged = True
            return -1
        return 1 if self._loss_mJ >= DULL_LOSS_mJ else 0
