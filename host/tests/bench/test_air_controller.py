# SPDX-License-Identifier: MIT
"""Each correction of bumble's controller at the HCI border: no host stack, no VM."""

import asyncio

import pytest
from bumble import hci

from crowdcharge.bench.radio.advertiser import ADV_DELAY_MAX_s
from crowdcharge.bench.radio.air import Air
from crowdcharge.bench.radio.controller import Controller
from crowdcharge.bench.radio.host import parse_reports

pytestmark = pytest.mark.bench
BOARD, CENTRAL, OTHER = "B0:00:00:00:00:01", "C0:00:00:00:00:01", "C0:00:00:00:00:02"
Error = hci.HCI_ErrorCode
ReportType = hci.HCI_LE_Advertising_Report_Event.EventType


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
        """The next event of this class; those before it are dropped."""
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


@pytest.fixture
def air():
    return Air(seed=7)


@pytest.fixture
async def board(air):
    return Radio(air, BOARD)


@pytest.fixture
async def central(air):
    return Radio(air, CENTRAL)


@pytest.fixture
async def linked(board, central):
    board.advertise()
    central.connect()
    await central.next(hci.HCI_LE_Connection_Complete_Event)
    await board.next(hci.HCI_LE_Connection_Complete_Event)
    return board, central


KINDS = {
    0: (ReportType.ADV_IND, True),
    2: (ReportType.ADV_SCAN_IND, True),
    3: (ReportType.ADV_NONCONN_IND, False),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("active", [True, False])
async def test_every_undirected_kind_is_reported_with_its_response(board, central, kind, active):
    event_type, scannable = KINDS[kind]
    central.scan(active)
    board.advertise(kind)
    await asyncio.sleep(0.01)
    expected = [(event_type, b"ad")]
    if active and scannable:
        expected.append((ReportType.SCAN_RSP, b"rsp"))
    assert [(r.event_type, r.data) for r in central.reports()] == expected


async def test_report_is_what_bumble_would_have_packed(air, board, central):
    air.rssi_dBm = lambda _tx, _rx: -77
    central.scan(active=False)
    board.advertise(data=bytes(range(31)))
    await asyncio.sleep(0.01)
    report = hci.HCI_LE_Advertising_Report_Event.Report(
        event_type=ReportType.ADV_IND,
        address_type=hci.AddressType.PUBLIC_DEVICE,
        address=hci.Address(BOARD, hci.Address.PUBLIC_DEVICE_ADDRESS),
        data=bytes(range(31)),
        rssi=-77,
    )
    assert central.events[-1] == bytes(hci.HCI_LE_Advertising_Report_Event([report]))


async def test_advertising_interval_and_delay(board, air):
    """By the planned times, so the load of this machine does not matter."""
    board.advertise(interval_ms=100)
    advertiser = board.controller.advertiser
    start_s = advertiser._due_s
    for _ in range(200):
        advertiser.timer_handle.cancel()
        advertiser._on_timer_fired()
    mean_s = (advertiser._due_s - start_s) / 200
    advertiser.stop()
    assert 0.100 + 0.3 * ADV_DELAY_MAX_s < mean_s < 0.100 + 0.7 * ADV_DELAY_MAX_s


async def test_a_blocked_hub_does_not_send_a_burst_of_late_adverts(board, central):
    central.scan(active=False)
    board.advertise(interval_ms=20)
    board.controller.advertiser._due_s -= 10  # as if the loop had hung for 10 s
    await asyncio.sleep(0.03)
    assert len(central.reports()) <= 4


@pytest.mark.parametrize(("duplicates", "reports"), [(0, 6), (1, 2)])
async def test_duplicate_filter(board, central, duplicates, reports):
    """By address and kind; a change of the data does not count (Vol 6, Part B, 4.4.3.5)."""
    central.scan(duplicates=duplicates)
    for i in range(3):
        board.advertise(interval_ms=1000, data=b"%d" % i)
        await asyncio.sleep(0.01)
    assert len(central.reports()) == reports
    central.command(hci.HCI_LE_Set_Scan_Enable_Command(0, 0))
    central.scan(duplicates=duplicates)
    board.advertise()
    await asyncio.sleep(0.01)
    assert len(central.reports()) == reports + 2


async def test_scan_window_hears_its_share(air, board, central):
    central.scan(active=False, interval=100, window=25)
    board.advertise(interval_ms=1000)
    for _ in range(1000):
        board.controller.advertiser.send_advertising_data()
    await asyncio.sleep(0.01)
    assert 200 < len(central.reports()) < 300


async def test_loss_and_duplication(air, board, central):
    central.scan(active=False)
    board.advertise(interval_ms=1000)
    await asyncio.sleep(0.01)
    central.events.clear()
    air.loss = lambda tx, rx: 0.3 if (tx, rx) == (BOARD, CENTRAL) else 0.0
    air.duplication = lambda _tx, _rx: 0.5
    for _ in range(1000):
        board.controller.advertiser.send_advertising_data()
    await asyncio.sleep(0.05)
    assert 950 < len(central.reports()) < 1150  # 1000 x 0.7 x 1.5


async def test_nobody_listens_nobody_is_called(air, board, central):
    board.advertise()
    await asyncio.sleep(0.05)
    assert central.reports() == []
    assert air._listening == []


async def test_cancelled_connect_completes_with_0x02_and_frees_the_controller(board, central):
    central.connect()
    central.connect()
    status = [await central.next(hci.HCI_Command_Status_Event) for _ in range(2)]
    assert [event.status for event in status] == [0, Error.COMMAND_DISALLOWED_ERROR]
    central.command(hci.HCI_LE_Create_Connection_Cancel_Command())
    done = await central.next(hci.HCI_Command_Complete_Event)
    assert done.return_parameters.status == Error.SUCCESS
    complete = await central.next(hci.HCI_LE_Connection_Complete_Event)
    assert complete.status == Error.UNKNOWN_CONNECTION_IDENTIFIER_ERROR
    central.command(hci.HCI_LE_Create_Connection_Cancel_Command())
    again = await central.next(hci.HCI_Command_Complete_Event)
    assert again.return_parameters.status == Error.COMMAND_DISALLOWED_ERROR
    board.advertise()
    central.connect()
    assert (await central.next(hci.HCI_LE_Connection_Complete_Event)).status == Error.SUCCESS


async def test_both_sides_have_the_centrals_parameters(board, central):
    board.advertise()
    central.connect(interval=24, timeout=42)
    for radio in (board, central):
        event = await radio.next(hci.HCI_LE_Connection_Complete_Event)
        assert (event.connection_interval, event.supervision_timeout) == (24, 42)


async def test_of_two_centrals_one_gets_the_advertiser_and_the_other_0x3e(air, board, central):
    other = Radio(air, OTHER)
    central.connect()
    other.connect()
    board.advertise()
    for radio in (central, other):
        assert (await radio.next(hci.HCI_LE_Connection_Complete_Event)).status == Error.SUCCESS
    ended = await other.next(hci.HCI_Disconnection_Complete_Event)
    assert ended.reason == Error.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR
    assert list(central.controller.le_connections) and not other.controller.le_connections


def acl(handle: int, data: bytes) -> hci.HCI_AclDataPacket:
    pdu = len(data).to_bytes(2, "little") + b"\x04\x00" + data
    return hci.HCI_AclDataPacket(handle, 0, 0, len(pdu), pdu)


async def test_data_of_public_addresses_arrives_in_order(linked):
    board, central = linked
    for i in range(5):
        central.command(acl(1, b"to board %d" % i))
        board.command(acl(1, b"to central %d" % i))
    for i in range(5):
        assert (await board.next(hci.HCI_AclDataPacket)).data[4:] == b"to board %d" % i
        assert (await central.next(hci.HCI_AclDataPacket)).data[4:] == b"to central %d" % i


async def test_lossy_link_is_late_but_complete_and_in_order(air, linked):
    board, central = linked
    air.loss = lambda _tx, _rx: 0.5
    air.connection_events = True
    for i in range(50):
        central.command(acl(1, b"%d" % i))
    for i in range(50):
        assert (await board.next(hci.HCI_AclDataPacket)).data[4:] == b"%d" % i


async def test_connection_events_take_an_interval_at_most(air, linked):
    board, central = linked
    air.connection_events = True
    loop = asyncio.get_running_loop()
    waits_s = []
    for _ in range(10):
        start_s = loop.time()
        central.command(acl(1, b"x"))
        await board.next(hci.HCI_AclDataPacket)
        waits_s.append(loop.time() - start_s)
    interval_s = 12 * 1.25e-3
    assert interval_s / 2 < sum(waits_s) / 10 < 2 * interval_s


async def test_both_sides_notice_a_cut_by_their_supervision_timeouts(air, linked):
    board, central = linked
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    air.drop(BOARD.lower(), CENTRAL)
    for radio in (board, central):
        event = await radio.next(hci.HCI_Disconnection_Complete_Event)
        assert event.reason == Error.CONNECTION_TIMEOUT_ERROR
    assert loop.time() - start_s >= 0.5 - 0.01


async def test_goodbye_over_a_cut_path_is_not_heard(air, linked):
    board, central = linked
    air.drop(BOARD, CENTRAL)
    central.command(hci.HCI_Disconnect_Command(1, Error.REMOTE_USER_TERMINATED_CONNECTION_ERROR))
    await central.next(hci.HCI_Disconnection_Complete_Event)
    air.heal(BOARD, CENTRAL)  # in time, but the other side is gone
    event = await board.next(hci.HCI_Disconnection_Complete_Event)
    assert event.reason == Error.CONNECTION_TIMEOUT_ERROR


async def test_reset_is_silent(linked):
    board, central = linked
    central.command(hci.HCI_Reset_Command())
    event = await board.next(hci.HCI_Disconnection_Complete_Event)
    assert event.reason == Error.CONNECTION_TIMEOUT_ERROR
    assert not central.controller.le_connections


async def test_disconnect_of_a_dead_handle_is_refused(central):
    central.command(hci.HCI_Disconnect_Command(1, 0x13))
    event = await central.next(hci.HCI_Command_Status_Event)
    assert event.status == Error.UNKNOWN_CONNECTION_IDENTIFIER_ERROR


async def test_rssi_of_a_link(air, linked):
    _board, central = linked
    air.rssi_dBm = lambda tx, rx: -60 if (tx, rx) == (BOARD, CENTRAL) else 0
    central.command(hci.HCI_Read_RSSI_Command(1))
    event = await central.next(hci.HCI_Command_Complete_Event)
    while event.command_opcode != hci.HCI_READ_RSSI_COMMAND:
        event = await central.next(hci.HCI_Command_Complete_Event)
    assert event.return_parameters.rssi == -60


def test_only_legacy_advertising_is_offered():
    features = hci.LeFeatureMask
    assert not Controller.le_features & (features.LE_EXTENDED_ADVERTISING | features.LL_PRIVACY)


async def test_same_seed_same_air():
    def draws(seed):
        air = Air(seed)
        return [air.rssi_dBm(BOARD, CENTRAL) for _ in range(20)]

    assert draws(3) == draws(3) != draws(4)
