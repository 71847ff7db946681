# SPDX-License-Identifier: MIT
"""Links and commands of the bench's controller at the HCI border: no host stack, no VM."""

import asyncio

import pytest
from bumble import hci

from crowdcharge.bench.radio.air import Air
from crowdcharge.bench.radio.controller import Controller

from .hci_radio import BOARD, CENTRAL, Radio

pytestmark = pytest.mark.bench
Error = hci.HCI_ErrorCode
ReportType = hci.HCI_LE_Advertising_Report_Event.EventType


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


async def test_a_disconnect_completes_one_interval_after_the_peer_has_heard_of_it(linked):
    board, central = linked
    loop = asyncio.get_running_loop()
    board.command(hci.HCI_Disconnect_Command(1, Error.REMOTE_USER_TERMINATED_CONNECTION_ERROR))
    board.command(hci.HCI_Disconnect_Command(1, Error.REMOTE_USER_TERMINATED_CONNECTION_ERROR))
    status = [(await board.next(hci.HCI_Command_Status_Event)).status for _ in range(2)]
    assert status == [Error.SUCCESS, Error.COMMAND_DISALLOWED_ERROR]
    heard = await central.next(hci.HCI_Disconnection_Complete_Event)
    assert heard.reason == Error.REMOTE_USER_TERMINATED_CONNECTION_ERROR
    heard_s = loop.time()
    assert board.controller.le_connections
    completed = await board.next(hci.HCI_Disconnection_Complete_Event)
    assert completed.reason == Error.CONNECTION_TERMINATED_BY_LOCAL_HOST_ERROR
    assert loop.time() - heard_s >= 0.8 * 12 * 1.25e-3
    assert not board.controller.le_connections


async def test_of_the_kind_air_a_disconnect_takes_no_time():
    air = Air(seed=7, realism="kind")
    board, central = Radio(air, BOARD), Radio(air, CENTRAL)
    board.advertise()
    central.connect()
    await central.next(hci.HCI_LE_Connection_Complete_Event)
    board.command(hci.HCI_Disconnect_Command(1, Error.REMOTE_USER_TERMINATED_CONNECTION_ERROR))
    assert not board.controller.le_connections


async def test_a_central_that_was_killed_and_is_back_keeps_its_new_link(air, board, central):
    """The old link times out by its own handle (within the supervision timeout of 0.5 s)."""
    board.advertise()
    central.connect()
    old = (await board.next(hci.HCI_LE_Connection_Complete_Event)).connection_handle
    central.controller.power_off()
    board.advertise()
    central.connect()
    new = (await board.next(hci.HCI_LE_Connection_Complete_Event)).connection_handle
    assert new != old
    ended = await board.next(hci.HCI_Disconnection_Complete_Event)
    assert (ended.connection_handle, ended.reason) == (old, Error.CONNECTION_TIMEOUT_ERROR)
    central.events.clear()
    board.command(acl(new, b"still here"))
    assert (await central.next(hci.HCI_AclDataPacket)).data[4:] == b"still here"
    central.command(acl(1, b"and I"))
    got = await board.next(hci.HCI_AclDataPacket)
    assert (got.connection_handle, got.data[4:]) == (new, b"and I")


async def test_a_second_link_to_the_same_peer_is_refused(linked):
    _board, central = linked
    central.connect()
    event = await central.next(hci.HCI_Command_Status_Event)
    while event.command_opcode != hci.HCI_LE_CREATE_CONNECTION_COMMAND or not event.status:
        event = await central.next(hci.HCI_Command_Status_Event)
    assert event.status == Error.CONNECTION_ALREADY_EXISTS_ERROR


async def test_buffers_come_back_when_the_air_has_carried_the_packet(air, linked):
    """A host whose peer is out of range runs out of buffers; they are not free at once."""
    board, _central = linked
    air.drop(BOARD, CENTRAL)
    board.command(acl(1, b"held"))
    with pytest.raises(TimeoutError):
        await board.next(hci.HCI_Number_Of_Completed_Packets_Event, timeout_s=0.1)
    air.heal(BOARD, CENTRAL)
    event = await board.next(hci.HCI_Number_Of_Completed_Packets_Event)
    assert (event.connection_handles, event.num_completed_packets) == ([1], [1])


async def test_what_was_not_sent_before_the_power_went_is_never_sent(air, linked):
    board, central = linked
    board.command(acl(1, b"too late"))
    board.controller.power_off()
    with pytest.raises(TimeoutError):
        await central.next(hci.HCI_AclDataPacket, timeout_s=0.1)


def command_of(op_code: int, parameters: bytes = b"") -> bytes:
    return b"\x01" + op_code.to_bytes(2, "little") + bytes((len(parameters),)) + parameters


async def answer_to(radio, packet: bytes) -> tuple[int, int, int]:
    """(event code, status, operation code) of the answer to a command."""
    radio.events.clear()
    radio.controller.on_packet(packet)
    await asyncio.sleep(0)
    answers = [each for each in radio.events if each[1] in {0x0E, 0x0F}]
    assert len(answers) == 1, radio.events
    (answer,) = answers
    if answer[1] == 0x0E:  # Command Complete: count, operation code, status
        return answer[1], answer[6], int.from_bytes(answer[4:6], "little")
    return answer[1], answer[3], int.from_bytes(answer[5:7], "little")


@pytest.mark.parametrize("op_code", [0xFC01, 0xFFFF, 0x0C99, 0x20FE, 0x0000])
async def test_an_unknown_command_is_answered_with_error_1(central, op_code):
    answer = await answer_to(central, command_of(op_code, b"abc"))
    assert answer == (0x0E, Error.UNKNOWN_HCI_COMMAND_ERROR, op_code)


@pytest.mark.parametrize("op_code", sorted(hci.HCI_Command.command_classes))
async def test_no_command_stays_without_an_answer(central, op_code):
    """All that bumble can name, with no parameters and with zeros."""
    for parameters in (b"", bytes(64)):
        assert (await answer_to(central, command_of(op_code, parameters)))[2] == op_code


async def test_le_encrypt_and_le_rand_are_answered(central):
    """The block is the sample of the Core specification (5.0, Vol 6, Part C, 1)."""
    key = bytes.fromhex("4c68384139f574d836bcf34e9dfb01bf")[::-1]
    block = bytes.fromhex("0213243546576879acbdcedfe0f10213")[::-1]
    await answer_to(central, command_of(0x2017, key + block))
    assert central.events[0][7:] == bytes.fromhex("99ad1b5226a37e3e058e3b8e27c2c666")[::-1]
    answer = await answer_to(central, command_of(0x2017, key))
    assert answer == (0x0E, Error.INVALID_COMMAND_PARAMETERS_ERROR, 0x2017)
    assert (await answer_to(central, command_of(0x2018)))[:2] == (0x0E, Error.SUCCESS)
    assert len(central.events[0]) == 7 + 8


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
