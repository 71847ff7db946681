# SPDX-License-Identifier: MIT
"""Legacy advertising as a real radio does it: bumble's advertiser, its defects corrected."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from bumble import controller as stock
from bumble import hci

AdvertisingType = hci.HCI_LE_Set_Advertising_Parameters_Command.AdvertisingType
ReportType = hci.HCI_LE_Advertising_Report_Event.EventType

REPORT_TYPES = {
    AdvertisingType.ADV_IND: ReportType.ADV_IND,
    AdvertisingType.ADV_SCAN_IND: ReportType.ADV_SCAN_IND,
    AdvertisingType.ADV_NONCONN_IND: ReportType.ADV_NONCONN_IND,
}
SCANNABLE = (ReportType.ADV_IND, ReportType.ADV_SCAN_IND)
INTERVAL_UNIT_s = 0.625e-3
INTERVAL_MIN_s, INTERVAL_MAX_s = 0.020, 10.24  # Core 5.0, Vol 6, Part B, 4.4.2.2
ADV_DELAY_MAX_s = 0.010  # Core 5.0, Vol 6, Part B, 4.4.2.2.1: advDelay


@dataclass(frozen=True, slots=True)
class AdvertPacket:
    """One advertising packet together with the scan response that would answer a request."""

    event_type: ReportType
    address: hci.Address
    data: bytes
    scan_response: bytes


class Advertiser(stock.LegacyAdvertiser):
    """An advertiser that keeps the real interval plus advDelay and sends every undirected type."""

    def __init__(
        self,
        controller: stock.Controller,
        rng: random.Random,
        send: Callable[[AdvertPacket], None],
    ) -> None:
        super().__init__(controller)
        self._rng, self._send = rng, send
        self._due_s = 0.0

    def start(self) -> None:
        self._due_s = asyncio.get_running_loop().time()
        super().start()

    @property
    def connectable(self) -> bool:
        return self.enabled and self.advertising_type == AdvertisingType.ADV_IND

    def _on_timer_fired(self) -> None:
        loop = asyncio.get_running_loop()
        self.send_advertising_data()
        delay_s = self._rng.uniform(0, ADV_DELAY_MAX_s)
        interval_s = self.advertising_interval_min * INTERVAL_UNIT_s
        interval_s = min(max(interval_s, INTERVAL_MIN_s), INTERVAL_MAX_s)
        # Count from the planned time, so that a busy loop does not stretch the mean interval.
        self._due_s = max(self._due_s, loop.time() - interval_s) + interval_s + delay_s
        self.timer_handle = loop.call_at(self._due_s, self._on_timer_fired)

    def send_advertising_data(self) -> None:
        event_type = REPORT_TYPES.get(AdvertisingType(self.advertising_type))
        if self.enabled and event_type is not None:
            response = self.scan_response_data if event_type in SCANNABLE else b""
            advert = AdvertPacket(event_type, self.address, self.advertising_data, response)
            self._send(advert)
