# SPDX-License-Identifier: MIT
"""A bumble host with two shortcuts: no log line for each packet, and adverts parsed by hand.

The stock host formats every packet for its log, shown or not, and builds five objects for
each advert.
"""

import logging
import struct
from collections.abc import Callable
from typing import NamedTuple

from bumble import hci
from bumble.host import Host as StockHost
from bumble.transport.common import AsyncPipeSink

from crowdcharge.bench.radio.controller import Controller

# bumble's warnings belong in the logs, not on a user's terminal.
logging.getLogger("bumble").addHandler(logging.NullHandler())

REPORT_HEAD = bytes((hci.HCI_EVENT_PACKET, hci.HCI_LE_META_EVENT))


class Report(NamedTuple):
    """One record of an LE Advertising Report (Core 5.0, Vol 4, Part E, 7.7.65.2)."""

    event_type: int
    address_type: int
    address: bytes  # little-endian
    data: bytes
    rssi_dBm: int


class BumbleHost(StockHost):
    on_report: Callable[[Report], None] | None = None

    def on_packet(self, packet: bytes) -> None:
        advert = packet[:2] == REPORT_HEAD and packet[3] == hci.HCI_LE_ADVERTISING_REPORT_EVENT
        if not advert:
            super().on_packet(packet)
        elif self.on_report is not None:
            for report in parse_reports(packet[4:]):
                self.on_report(report)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        if self.hci_sink is not None:
            self.hci_sink.on_packet(bytes(packet))

    def on_hci_packet(self, packet: hci.HCI_Packet) -> None:
        if isinstance(packet, hci.HCI_AclDataPacket):
            self.on_hci_acl_data_packet(packet)
        elif isinstance(packet, hci.HCI_Event):
            self.on_hci_event_packet(packet)


def parse_reports(parameters: bytes) -> list[Report]:
    """Parse the records, which follow one another: so controllers send and Linux reads them."""
    reports, at = [], 1
    for _ in range(parameters[0]):
        event_type, address_type, address, length = struct.unpack_from("<BB6sB", parameters, at)
        at += 9 + length
        (rssi_dBm,) = struct.unpack_from("b", parameters, at)
        reports.append(
            Report(event_type, address_type, address, parameters[at - length : at], rssi_dBm)
        )
        at += 1
    return reports


def attach(controller: Controller) -> BumbleHost:
    """Create a host in the same process as its controller."""
    host = BumbleHost(controller_sink=AsyncPipeSink(controller))
    controller.host = host
    return host
