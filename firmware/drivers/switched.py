# SPDX-License-Identifier: MIT
"""A Qi module without a bus, behind a load switch (such as BQ500211, BQ51013B).

The module does its own ping, FOD and timeouts; only the meter shows what it does.
`supply`: the load switch; `sense()`: true while the meter sees power flow (optional).
"""

from drivers import qi
from wptcore import ept
from wptcore.compat import const

SETTLE_ms = const(100)  # inrush and the module's own reset


class Switched(qi.Driver):
    def __init__(self, supply, sleep_ms, sense=None):
        super().__init__(sleep_ms)
        self._supply = supply
        self._sense = sense
        self._off(ept.NONE)

    def poll(self, _dt_ms: int = 0) -> qi.Reading:
        self.reading.rx_present = self.on and (self._sense is None or bool(self._sense()))
        return self.reading

    def _try_once(self):
        qi.drive(self._supply, True)
        yield SETTLE_ms
        self.on = True

    def _off(self, _reason: int) -> None:
        self.on = False
        qi.drive(self._supply, False)
