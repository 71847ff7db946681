# SPDX-License-Identifier: MIT
"""Two mJ odometers. mW x ms is uJ exactly; the remainder is carried, so nothing is ever lost."""

from wptcore.units import U32_MODULO


class Meter:
    def __init__(self, sent_mJ: int = 0, received_mJ: int = 0):
        self.sent_mJ = sent_mJ
        self.received_mJ = received_mJ
        self._sent_uJ = 0
        self._received_uJ = 0

    def add_sent(self, power_mW: int, dt_ms: int) -> None:
        total_uJ = self._sent_uJ + power_mW * dt_ms
        self.sent_mJ = (self.sent_mJ + total_uJ // 1000) % U32_MODULO
        self._sent_uJ = total_uJ % 1000

    def add_received(self, power_mW: int, dt_ms: int) -> None:
        total_uJ = self._received_uJ + power_mW * dt_ms
        self.received_mJ = (self.received_mJ + total_uJ // 1000) % U32_MODULO
        self._received_uJ = total_uJ % 1000
