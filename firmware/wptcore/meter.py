# SPDX-License-Identifier: MIT
"""Two mJ odometers. mW x ms is exactly uJ, and the remainder is carried: no energy is lost."""

from wptcore.units import U32_MODULO
from wptcore.wire import PTX


class Meter:
    def __init__(self, sent_mJ: int = 0, received_mJ: int = 0):
        self.sent_mJ = sent_mJ
        self.received_mJ = received_mJ
        self._sent_uJ = 0
        self._received_uJ = 0

    def odometer_mJ(self, role: int) -> int:
        return self.sent_mJ if role == PTX else self.received_mJ

    def add(self, role: int, power_mW: int, dt_ms: int) -> int:
        """Add power, which is positive when it leaves the battery.

        Returns the power that flows in the role's direction, or 0.
        """
        if role == PTX:
            flow_mW = power_mW if power_mW > 0 else 0
            self.add_sent(flow_mW, dt_ms)
        else:
            flow_mW = -power_mW if power_mW < 0 else 0
            self.add_received(flow_mW, dt_ms)
        return flow_mW

    def add_sent(self, power_mW: int, dt_ms: int) -> None:
        total_uJ = self._sent_uJ + power_mW * dt_ms
        self.sent_mJ = (self.sent_mJ + total_uJ // 1000) % U32_MODULO
        self._sent_uJ = total_uJ % 1000

    def add_received(self, power_mW: int, dt_ms: int) -> None:
        total_uJ = self._received_uJ + power_mW * dt_ms
        self.received_mJ = (self.received_mJ + total_uJ // 1000) % U32_MODULO
        self._received_uJ = total_uJ % 1000
