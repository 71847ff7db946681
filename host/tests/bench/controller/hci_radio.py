# SPDX-License-Identifier: MIT
"""Controllers of the bench's air with what their hosts would see, for tests at the HCI border."""

import asyncio

from bumble import hci

from crowdcharge.bench.radio.air import Air
from crowdcharge.bench.radio.controller import Controller
from crowdcharge.bench.radio.host import parse_reports

BOARD, CENTRAL, OTHER = "B0:00:00:00:00:01", "C0:00:00:00:00:01", "C0:00:00:00:00:02"


class Radio:
    """A controller and the events that its host would get."""

    def __init__(self, air: Air, address: str) -> None:
        self.controller = Controller(address, air, address)
        self.controller.host = self
        self.events = []
        self.arrived = asyncio.Event()

    def on_packet(self, packet: bytes) -> None:
        self.events.append(packet)
        self.arrived.set()

    def command(self, command: hci.HCI_Command) -> None:
        self.controller.on_packet(bytes(command))

    async def next(self, kind: type, timeout_s: float = 5):
        """Return the next event of this class; those before it are dropped."""
        async with asyncio.timeout(timeout_s):
            while True:
                while self.events:
                    event = hci.HCI_Packet.from_bytes(self.events.pop(0))
                    if isinstance(event, kind):
                        return event
                self.arrived.clear()
                await self.arrived.wait()

    def reports(self):
        packets = [p for p in self.events if p[:2] == b"\x04\x3e" and p[3] == 2]
        return [report for packet in packets for report in parse_reports(packet[4:])]

    def advertise(self, kind: int = 0, interval_ms: float = 20, data: bytes = b"ad") -> None:
        units = round(interval_ms / 0.625)
        public, any_peer = hci.OwnAddressType.PUBLIC, hci.Address.ANY
        self.command(hci.HCI_LE_Set_Advertising_Data_Command(advertising_data=data))
        self.command(hci.HCI_LE_Set_Scan_Response_Data_Command(scan_response_data=b"rsp"))
        self.command(
            hci.HCI_LE_Set_Advertising_Parameters_Command(
                units, units, kind, public, any_peer.address_type, any_peer, 7, 0
            )
        )
        self.command(hci.HCI_LE_Set_Advertising_Enable_Command(advertising_enable=1))

    def scan(self, active: bool = True, interval=96, window=96, duplicates=0) -> None:
        self.command(
            hci.HCI_LE_Set_Scan_Parameters_Command(
                int(active), interval, window, hci.OwnAddressType.PUBLIC, 0
            )
        )
        self.command(hci.HCI_LE_Set_Scan_Enable_Command(1, duplicates))

    def connect(self, address: str = BOARD, interval=12, timeout=50) -> None:
        peer = hci.Address(address, hci.Address.PUBLIC_DEVICE_ADDRESS)
        public = hci.OwnAddressType.PUBLIC
        self.command(
            hci.HCI_LE_Create_Connection_Command(
                96, 96, 0, peer.address_type, peer, public, interval, interval, 0, timeout, 0, 0
            )
        )
