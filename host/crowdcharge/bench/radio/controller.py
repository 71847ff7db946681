# SPDX-License-Identifier: MIT
"""bumble's software controller (0.0.236) with its measured defects corrected.

Each correction and its reason: `docs/explanation/virtual-bench.md`.
"""

import asyncio
from collections.abc import Iterator

from bumble import controller as stock
from bumble import hci, ll

from crowdcharge.bench.radio.advertiser import SCANNABLE, Advertiser, AdvertPacket, ReportType
from crowdcharge.bench.radio.air import Air, AirRadio, LinkEnd, Packet
from crowdcharge.bench.radio.commands import Commands
from crowdcharge.bench.radio.connection import AirConnection

Error = hci.HCI_ErrorCode
ACTIVE_SCAN = 1
NOT_ESTABLISHED_EVENTS = 6  # Core 5.0, Vol 6, Part B, 4.5: no answer within six intervals


class Controller(Commands):
    """An LE radio with legacy advertising, as in the boards and in cheap dongles.

    Links are kept by handle: a peer that lost its power may be back on a second link before the
    first one has timed out. The stock controller takes the key for the peer's address.
    """

    le_connections: dict[int, AirConnection]  # type: ignore[assignment]
    le_acl_data_packet_length = 251
    le_features = stock.Controller.le_features & ~(
        hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
        | hci.LeFeatureMask.LE_PERIODIC_ADVERTISING
        | hci.LeFeatureMask.LL_PRIVACY
    )
    supported_commands = stock.Controller.supported_commands - {
        hci.HCI_LE_READ_TRANSMIT_POWER_COMMAND  # the stock controller claims but never answers it
    }

    def __init__(self, name: str, air: Air, address: str) -> None:
        self.air = air
        self.identity = address.upper()
        public_address = hci.Address(address, hci.Address.PUBLIC_DEVICE_ADDRESS)
        super().__init__(name, link=air, public_address=public_address)
        self.advertiser = Advertiser(self, air.rng, lambda advert: air.advertise(self, advert))
        self.le_legacy_advertiser = self.advertiser
        self._reported: set[tuple[hci.Address, int]] = set()
        self.own_address_type = hci.OwnAddressType.PUBLIC

    def power_off(self) -> None:
        """Goes silent at once; peers notice it by their supervision timeouts."""
        self.advertiser.stop()
        self.le_scan_enable = False
        self.pending_le_connection = None
        self.own_address_type = hci.OwnAddressType.PUBLIC
        self._update_listening()
        for connection in list(self.links()):
            connection.lane.clear()
            self.on_le_disconnected(connection, Error.CONNECTION_TERMINATED_BY_LOCAL_HOST_ERROR)
            peer = connection.peer
            if peer is not None and not peer.closed:
                peer.start_supervision()

    def links(self) -> Iterator[AirConnection]:
        yield from self.le_connections.values()

    # Host side

    def on_hci_reset_command(
        self, command: hci.HCI_Reset_Command
    ) -> hci.HCI_StatusReturnParameters:
        self.power_off()
        return super().on_hci_reset_command(command)

    # Scanning

    def on_hci_le_set_scan_enable_command(
        self, command: hci.HCI_LE_Set_Scan_Enable_Command
    ) -> hci.HCI_StatusReturnParameters:
        result = super().on_hci_le_set_scan_enable_command(command)
        self._reported.clear()
        self._update_listening()
        return result

    def _update_listening(self) -> None:
        self.air.listen(self, self.le_scan_enable or self.pending_le_connection is not None)

    def on_advert(self, sender: AirRadio, advert: AdvertPacket, rssi_dBm: int) -> None:
        """Handle an advert that has reached this radio: report it, connect, or ignore it."""
        if self.le_scan_enable and self._in_scan_window():
            self._report(advert.event_type, advert.address, advert.data, rssi_dBm)
            asks = self.le_scan_type == ACTIVE_SCAN and advert.event_type in SCANNABLE
            if asks and self.air.heard(sender, self):
                self._report(ReportType.SCAN_RSP, advert.address, advert.scan_response, rssi_dBm)
        pending = self.pending_le_connection
        wanted = pending is not None and pending.peer_address == advert.address
        if wanted and advert.event_type == ReportType.ADV_IND:
            self.create_le_connection(advert.address)

    def _in_scan_window(self) -> bool:
        """Decides at random whether the radio listens just now, by the scan's duty cycle."""
        if self.le_scan_window >= self.le_scan_interval:
            return True
        return self.air.rng.random() < self.le_scan_window / self.le_scan_interval

    def _report(self, event_type: int, address: hci.Address, data: bytes, rssi_dBm: int) -> None:
        if self.filter_duplicates:
            if (address, event_type) in self._reported:
                return
            self._reported.add((address, event_type))
        # The LE Advertising Report (Vol 4, Part E, 7.7.65.2) is packed by hand: this is the hub's
        # hottest path.
        head = (
            hci.HCI_EVENT_PACKET,
            hci.HCI_LE_META_EVENT,
            len(data) + 12,
            hci.HCI_LE_ADVERTISING_REPORT_EVENT,
            1,
            event_type,
            address.address_type,
        )
        tail = bytes((len(data),)) + data + bytes((rssi_dBm & 0xFF,))
        self.to_host(bytes(head) + address.address_bytes + tail)

    # Connecting

    def on_hci_le_create_connection_command(
        self, command: hci.HCI_LE_Create_Connection_Command
    ) -> None:
        if any(link.peer_address == command.peer_address for link in self.links()):
            exists = Error.CONNECTION_ALREADY_EXISTS_ERROR
            self._send_hci_command_status(exists, command.op_code)
            return
        super().on_hci_le_create_connection_command(command)
        self._update_listening()

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Completes the cancelled attempt with 0x02; only then is the next one allowed."""
        pending = self.pending_le_connection
        if pending is None:
            return hci.HCI_StatusReturnParameters(Error.COMMAND_DISALLOWED_ERROR)
        self.pending_le_connection = None
        self._update_listening()
        event = hci.HCI_LE_Connection_Complete_Event(
            status=Error.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
            connection_handle=0,
            role=hci.Role.CENTRAL,
            peer_address_type=pending.peer_address.address_type,
            peer_address=pending.peer_address,
            connection_interval=0,
            peripheral_latency=0,
            supervision_timeout=0,
            central_clock_accuracy=0,
        )
        asyncio.get_running_loop().call_soon(self.send_hci_packet, event)  # after the reply
        return hci.HCI_StatusReturnParameters(Error.SUCCESS)

    def create_le_connection(self, peer_address: hci.Address) -> None:
        """Send a connect request in answer to an advert; the advertiser may miss or refuse it."""
        command = self.pending_le_connection
        if not isinstance(command, hci.HCI_LE_Create_Connection_Command):
            return
        public = command.own_address_type == hci.OwnAddressType.PUBLIC
        self.pending_le_connection = None
        self._update_listening()
        connection = self._open(
            hci.Role.CENTRAL,
            self.public_address if public else self.random_address,
            peer_address,
            interval_s=command.connection_interval_min * 1.25e-3,
            latency=command.max_latency,
            timeout_s=command.supervision_timeout * 10e-3,
        )
        if not self.air.connect(self, connection):
            connection.end_after(
                NOT_ESTABLISHED_EVENTS * connection.interval_s,
                Error.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR,
            )

    def move_to(self, address: bytes) -> hci.Address:
        """Take a random address, most significant byte first; the one before leads nowhere."""
        self.air.on_address_left(self)
        self.random_address = hci.Address(address[::-1], hci.Address.RANDOM_DEVICE_ADDRESS)
        self.air.on_address_changed(self)
        self.own_address_type = hci.OwnAddressType.RANDOM
        return self.random_address

    def accept(self, central: LinkEnd) -> bool:
        """Accept a connect request that has reached us, if we advertise as connectable."""
        advertiser = self.advertiser
        if (
            not isinstance(central, AirConnection)
            or not advertiser.connectable
            or advertiser.address != central.peer_address
        ):
            return False
        advertiser.stop()
        connection = self._open(
            hci.Role.PERIPHERAL,
            central.peer_address,
            central.self_address,
            interval_s=central.interval_s,
            latency=central.latency,
            timeout_s=central.timeout_s,
        )
        connection.peer, central.peer = central, connection
        connection.peer_identity, central.peer_identity = central.identity, connection.identity
        return True

    def _open(
        self,
        role: hci.Role,
        self_address: hci.Address,
        peer_address: hci.Address,
        *,
        interval_s: float,
        latency: int,
        timeout_s: float,
    ) -> AirConnection:
        connection = AirConnection(
            self,
            self.air,
            self.identity,
            role,
            self_address,
            peer_address,
            interval_s=interval_s,
            latency=latency,
            timeout_s=timeout_s,
            on_packet=self.on_lane_packet,
            on_sent=self.on_sent,
            on_end=self.on_le_disconnected,
        )
        self.le_connections[connection.handle] = connection
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=Error.SUCCESS,
                connection_handle=connection.handle,
                role=role,
                peer_address_type=peer_address.address_type,
                peer_address=peer_address,
                connection_interval=round(interval_s / 1.25e-3),
                peripheral_latency=latency,
                supervision_timeout=round(timeout_s / 10e-3),
                central_clock_accuracy=0,
            )
        )
        return connection

    # Connected

    def on_lane_packet(self, connection: AirConnection, packet: Packet) -> None:
        if isinstance(packet, ll.ControlPdu):
            if isinstance(packet, ll.ConnectionUpdateInd):
                connection.interval_s = packet.interval * 1.25e-3
                connection.timeout_s = packet.timeout * 10e-3
            self.on_ll_control_pdu(connection.handle, packet)  # type: ignore[arg-type]
        else:
            acl = hci.HCI_AclDataPacket(connection.handle, 2, 0, len(packet), packet)
            self.to_host(bytes(acl))

    def on_sent(self, connection: AirConnection, packets: int) -> None:
        """Give the host its buffers back (Number Of Completed Packets)."""
        head = (hci.HCI_EVENT_PACKET, hci.HCI_NUMBER_OF_COMPLETED_PACKETS_EVENT, 5, 1)
        handle = connection.handle.to_bytes(2, "little")
        self.to_host(bytes(head) + handle + packets.to_bytes(2, "little"))

    def on_hci_read_rssi_command(
        self, command: hci.HCI_Read_RSSI_Command
    ) -> hci.HCI_Read_RSSI_ReturnParameters:
        """Return the RSSI of a link; the stock controller never answers this command."""
        handle = command.handle
        connection = self.find_le_connection_by_handle(handle)
        if not isinstance(connection, AirConnection):
            gone = Error.UNKNOWN_CONNECTION_IDENTIFIER_ERROR
            return hci.HCI_Read_RSSI_ReturnParameters(gone, handle, 0)
        rssi_dBm = self.air.rssi_dBm(connection.peer_identity, self.identity)
        return hci.HCI_Read_RSSI_ReturnParameters(Error.SUCCESS, handle, rssi_dBm)

    def on_hci_disconnect_command(self, command: hci.HCI_Disconnect_Command) -> None:
        """Start to end a link, or refuse a handle that is unknown or about to end already."""
        connection = self.le_connections.get(command.connection_handle)
        if connection is None:
            status = Error.UNKNOWN_CONNECTION_IDENTIFIER_ERROR
        elif connection.terminating:
            status = Error.COMMAND_DISALLOWED_ERROR
        else:
            status = Error.SUCCESS  # the command is pending
        self._send_hci_command_status(status, command.op_code)
        if connection is None or status:
            return
        if self.air.connection_events:
            connection.terminate(command.reason)
        else:
            connection.send_ll_control_pdu(ll.TerminateInd(command.reason))
            self.on_le_disconnected(connection, command.reason)

    def on_le_disconnected(self, connection: stock.Connection, reason: int) -> None:
        """Report the end of a connection once, whatever ended it first."""
        if isinstance(connection, AirConnection) and not connection.closed:
            connection.closed = True
            connection.stop_supervision()
            del self.le_connections[connection.handle]
            self.send_hci_packet(
                hci.HCI_Disconnection_Complete_Event(Error.SUCCESS, connection.handle, reason)
            )

    def on_hci_le_connection_update_command(
        self, command: hci.HCI_LE_Connection_Update_Command
    ) -> None:
        connection = self.find_le_connection_by_handle(command.connection_handle)
        if isinstance(connection, AirConnection):
            connection.interval_s = command.connection_interval_max * 1.25e-3
            connection.timeout_s = command.supervision_timeout * 10e-3
        super().on_hci_le_connection_update_command(command)
