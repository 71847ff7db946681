# SPDX-License-Identifier: MIT
"""Each correction of bumble's controller at the HCI border: no host stack, no VM."""

import asyncio

import pytest
from bumble import hci

from crowdcharge.bench.radio.advertiser import ADV_DELAY_MAX_s

from .hci_radio import BOARD, CENTRAL, OTHER, Radio

pytestmark = pytest.mark.bench
Error = hci.HCI_ErrorCode
ReportType = hci.HCI_LE_Advertising_Report_Event.EventType


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


async def test_a_radio_that_moved_is_at_its_new_address_only(air, board, central):
    central.scan(active=False)
    for address in (bytes.fromhex("112233445566"), bytes.fromhex("2a2b2c2d2e2f")):
        moved = board.controller.move_to(address)
        board.advertise()
        board.controller.advertiser.own_address_type = board.controller.own_address_type
        await asyncio.sleep(0.03)  # the first advert had the address of before
        central.events.clear()
        await asyncio.sleep(0.05)
        (found,) = {(report.address, report.address_type) for report in central.reports()}
        assert found == (address[::-1], hci.AddressType.RANDOM_DEVICE)
    assert [at for at in air._radios if at.is_random] == [moved]
    board.controller.power_off()
    assert board.controller.own_address_type == hci.OwnAddressType.PUBLIC
