# SPDX-License-Identifier: MIT
"""Two boards meet without a host: agreement, receipts, consent, and who goes first."""

import hashlib

from peers import CROWD_ID, LINK, Node, Room, membership, receipts
from support import HOST_NONCE, Host
from wptcore import auth, ept, peer_keys, peer_taker, transfer, wire
from wptcore.consent import CROWD, HOST
from wptcore.links import Link
from wptcore.peer_desk import Membership


def met(giver_permille=900, taker_permille=300, **giver):
    return Room(Node(1, giver_permille, **giver), Node(2, taker_permille))


def test_a_board_that_a_host_visits_meets_nobody():
    room = met()
    giver, taker = room.nodes
    Host(giver.board, link=9, key=giver.key).hello()
    room.run(5000)
    assert taker.taker.refused_by == ept.HOST_PRESENT and not giver.board.coil_on


def test_a_richer_board_is_given_nothing():
    """A taker asks only where it is the poorer one, so a hostile one asks here."""
    giver = met(giver_permille=300).nodes[0]
    desk = giver.board._peers

    link = Link(LINK, HOST_NONCE)
    link.peer, link.crowd = 2, desk.membership.crowd_id
    _, energy_mJ, _, code = desk._offer(giver.board, link, 900, 100_000, 50_000)
    assert (energy_mJ, code) == (0, ept.NOTHING_TO_GIVE)


def test_two_boards_share_without_a_host_and_both_sign():
    room = met().run(2000)
    giver, taker = room.nodes
    assert giver.board.coil_on and taker.board.receiver_on
    while giver.board.is_running or taker.board.is_running:
        room.step()
    assert not giver.board.coil_on and not taker.board.receiver_on
    sent, received = receipts(giver)[0], receipts(taker)[0]
    assert sent[2] == received[2]  # the same transfer
    assert (sent[3], sent[4], received[3], received[4]) == (wire.PTX, 2, wire.PRX, 1)
    assert sent[9] == ept.ENERGY_BUDGET and received[9] == ept.PEER_ENDED
    assert 29_000 < sent[5] < 31_000  # half of the difference
    assert sent[13:] == received[13:] == (0, 2, wire.GRANTED_BY_PEER)
    assert giver.board.state == taker.board.state == transfer.IDLE


def test_the_poorer_board_asks_and_equals_do_not():
    room = Room(Node(1, 500), Node(2, 510)).run(3000)
    assert not room.heard
    room = Room(Node(1, 200), Node(2, 800)).run(2000)
    assert room.nodes[1].board.coil_on


def test_a_new_board_gives_to_no_other_board():
    room = met(gives_to=HOST).run(3000)
    assert room.heard and not room.nodes[0].board.receipts
    assert room.nodes[1].taker.refused_by == ept.NO_CONSENT


def test_a_board_that_gives_to_nobody_refuses_its_host_too():
    node = Node(1, 900, gives_to=CROWD)
    host = Host(node.board, key=node.key).hello()
    assert host.grant(power_max_mW=1000) == ept.NO_CONSENT
    assert host.grant(power_max_mW=1000, role=wire.PRX) == ept.NONE
    assert host.send(wire.PING, 5, 500) == ept.BUSY
    host.send(wire.STOP, 1)
    assert host.send(wire.PING, 5, 500) == ept.NO_CONSENT


def test_the_days_quota_holds_over_reboots_and_for_hosts():
    room = met(day_mJ=5000).run(30_000)
    giver = room.nodes[0]
    given_mJ = sum(receipt[5] for receipt in receipts(giver))
    assert 4900 <= given_mJ <= 5050
    room.reboot(giver)
    room.run(30_000)
    assert sum(receipt[5] for receipt in receipts(giver)) == given_mJ
    host = Host(giver.board, link=9, key=giver.key).hello()
    assert host.grant(transfer_id=77, power_max_mW=1000) == ept.QUOTA


def test_a_donor_is_cut_off_at_its_floor():
    room = Room(Node(1, 260), Node(2, 50)).run(40_000)
    assert receipts(room.nodes[0])[0][9] == ept.FLOOR
    assert room.nodes[0].board.soc_permille >= 199


def test_a_peer_that_falls_silent_ends_the_lease_and_latches_nothing():
    room = met().run(3000)
    giver, taker = room.nodes
    taker.alive = False
    room.run(4000 + 40)
    assert not giver.board.coil_on
    assert giver.board.ended_by == ept.PEER_LOST and giver.board.state == transfer.IDLE
    taker.alive = True
    room.run(100)
    assert taker.board.ended_by in (ept.PEER_LOST, ept.PEER_ENDED)


def test_three_losses_in_ten_minutes_latch():
    room = met()
    giver, taker = room.nodes
    for _ in range(3):
        assert giver.board.state == transfer.IDLE
        while not giver.board.coil_on:
            room.step()
        taker.alive = False
        room.run(4100)
        room.reboot(taker)
    assert giver.board.state == transfer.FAULT
    assert giver.board.ept == ept.REPEATED_PEER_LOSS
    giver.board.on_button(100)
    assert giver.board.clear(ept.REPEATED_PEER_LOSS) == ept.NONE


def test_a_taker_that_reports_more_than_was_sent_is_lost():
    room = met().run(3000)
    giver = room.nodes[0]
    transfer_id = giver.board.ack_fields()[2]
    for _ in range(3):
        assert giver.board.coil_on
        giver.board.renew(transfer_id, 4000, 3000, 0)
    assert giver.board.ended_by == ept.PEER_LOST


def test_a_board_that_is_merely_in_the_room_is_not_asked():
    node = Node(2, 300)
    node.taker.on_advert("there", Node(1, 900).beacon(), peer_taker.NEAR_dBm - 1)
    assert node.taker.action == peer_taker.LISTEN
    node.taker.on_advert("there", Node(1, 900).beacon(), peer_taker.NEAR_dBm)
    assert node.taker.action == peer_taker.CONNECT


def test_a_connection_may_take_its_time_but_not_for_ever():
    node = Node(2, 300)
    node.taker.on_advert("there", Node(1, 900).beacon(), -30)
    for _ in range(700):
        node.taker.on_elapsed(20)
    assert node.taker.action == peer_taker.CONNECT and not node.taker.pop_frame()
    for _ in range(60):
        node.taker.on_elapsed(20)
    assert node.taker.action == peer_taker.LEAVE and node.taker.refused_by == ept.PEER_LOST
    node.taker.on_gone()
    node.taker.on_advert("there", Node(1, 900).beacon(), -30)
    assert node.taker.action == peer_taker.LISTEN  # it is left alone for a while


# -- hosts --


def test_a_host_goes_before_a_board():
    room = met().run(3000)
    giver = room.nodes[0]
    host = Host(giver.board, link=9, key=giver.key).hello()
    assert giver.board.coil_on  # a host that only looks disturbs nothing
    assert host.grant(transfer_id=77, power_max_mW=1000) == ept.NONE
    assert receipts(giver)[0][9] == ept.HOST_FIRST
    room.part()
    room.run(300)
    assert giver.board.ack_fields()[2] == 77
    host.send(wire.STOP, 77)
    count = len(giver.board.receipts)
    room.run(15_000)  # its session is open: the taker comes again, in vain
    assert len(giver.board.receipts) == count


def test_a_hosts_stop_and_hold_reach_boards():
    room = met().run(3000)
    giver = room.nodes[0]
    host = Host(giver.board, link=9, key=giver.key).hello()
    assert host.send(wire.STOP, giver.board.ack_fields()[2]) == ept.NONE
    assert not giver.board.coil_on
    room = met().run(3000)
    giver, taker = room.nodes
    host = Host(giver.board, link=9, key=giver.key).hello()
    assert host.send(wire.CONFIGURE, wire.CONFIGURE_HOLD, 1) == ept.NONE
    assert giver.board.ended_by == ept.STOPPED
    giver.board.on_link(9, b"")
    room.step()
    room.reboot(giver)
    room.run(15_000)
    assert taker.taker.refused_by == ept.HELD and not giver.board.coil_on
    host = Host(giver.board, link=9, key=giver.key).hello()
    assert host.send(wire.CONFIGURE, wire.CONFIGURE_HOLD, 0) == ept.NONE
    giver.board.on_link(9, b"")
    room.run(15_000)
    assert giver.board.coil_on


def test_the_owners_off_ends_and_forbids():
    room = met().run(3000)
    giver = room.nodes[0]
    giver.board.on_button(5000)
    assert receipts(giver)[0][9] == ept.OWNER_OFF
    room.run(15_000)
    room.reboot(giver)
    room.run(15_000)
    assert len(receipts(giver)) == 1


# -- who may ask --


def refused(taker_crowd, **giver):
    room = Room(Node(1, 900, **giver), Node(2, 300, crowd=taker_crowd)).run(20_000)
    assert room.heard and not room.nodes[0].board.receipts
    assert not room.nodes[0].board.coil_on
    return room


def test_a_stranger_gets_nothing():
    refused(membership(2, crowd_key=bytes(32)))


def test_a_member_of_another_crowd_gets_nothing_until_there_is_an_agreement():
    other = membership(2, crowd_id=99)  # its keys are for crowd 99, as an agreement hands out
    refused(other)
    agreed = membership(1, agreed=[99])
    refused(other, crowd=agreed)  # its owner has consented to the own crowd only
    room = Room(Node(1, 900, gives_to=4, crowd=agreed), Node(2, 300, crowd=other)).run(2000)
    assert room.nodes[0].board.coil_on


def test_a_member_that_was_left_out_gets_nothing():
    refused(membership(2, epoch=0), crowd=membership(1, epoch=1))


def test_a_stolen_board_is_nobody_else():
    stolen = membership(2)
    stolen["peers"]["1"] = membership(2)["peers"]["3"]  # all that a thief of board 2 can try
    refused(stolen)
    as_3 = Node(3, 300, crowd=membership(2))
    room = Room(Node(1, 900), as_3).run(20_000)
    assert not room.nodes[0].board.receipts


def test_a_recorded_session_gives_nothing():
    room = met().run(3000)
    giver = room.nodes[0]
    recorded = list(room.heard)
    room.part()
    room.nodes[1].alive = False
    room.run(5000)
    count = len(giver.board.receipts)
    giver.board.on_link(LINK, bytes(16))  # a fresh challenge
    for frame in recorded:
        giver.board.on_command(LINK, frame)
        while giver.board.pop_reply():
            pass
    assert not giver.board.coil_on and len(giver.board.receipts) == count


def test_a_relay_gets_a_lease_more_than_it_forwards_and_no_more():
    """Whoever forwards all frames at once is a working radio link; one that stops is a loss."""
    room = met().run(3000)
    giver = room.nodes[0]
    room.nodes[1].taker.pop_frame()
    room.near = False
    room.run(4000 + 40)
    assert not giver.board.coil_on and giver.board.ended_by == ept.PEER_LOST


def test_a_peer_may_not_do_what_a_host_may():
    room = met().run(2000)
    giver = room.nodes[0]
    taker = room.nodes[1].taker
    for frame_type, fields in (
        (wire.CLEAR, (ept.LEASE_LOST,)),
        (wire.CONFIGURE, (wire.CONFIGURE_FLOOR_pct, 50)),
        (wire.PING, (5, 100)),
        (wire.ASK, (wire.ASK_LIMITS,)),
        (wire.COLLECTED, (1,)),
        (wire.MARKET_OPEN, (bytes(16), 3, 0)),
        (wire.GRANT, (9, wire.PRX, 2, 0, 2, 900, 1000, 1000, 0, 1000, 1)),
        (wire.GRANT, (9, wire.PTX, 2, 0, 2, 900, 1000, 1000, 0, 1000, 0)),
        (wire.GRANT, (9, wire.PTX, 3, 0, 3, 900, 1000, 1000, 0, 1000, 1)),
        (wire.HELLO, (HOST_NONCE,)),
    ):
        _, code = asked(giver, taker, frame_type, *fields)
        expected = ept.NO_SESSION if frame_type == wire.HELLO else ept.NOT_FOR_PEERS
        assert code == expected, frame_type
        assert asked(giver, taker, wire.STOP, 12345)[1] == ept.UNKNOWN_TRANSFER
        giver.board._commands._links._find(LINK).failures = 0
    code = asked(giver, taker, wire.GRANT, 9, wire.PTX, 2, 0, 2, 900, 99_000, 999, 0, 999, 1)[1]
    assert code == ept.OUT_OF_RANGE  # more than was offered
    code = asked(giver, taker, wire.GRANT, 9, wire.PTX, 2, 0, 2, 1001, 99_000, 999, 0, 999, 1)[1]
    assert code == ept.UNCALIBRATED


def asked(giver, taker, frame_type, *fields):
    """Seals a frame with a true taker's session key; returns command and code of the Ack."""
    taker._counter += 1
    expires_ms = 0 if frame_type == wire.HELLO else giver.board.now_ms + 1000
    frame = wire.pack_frame(frame_type, taker._counter, expires_ms, *fields)
    frame += auth.tag(hashlib.sha256, taker._key, auth.FROM_HOST, frame)
    giver.board.on_command(LINK, frame)
    return wire.unpack_body(giver.board.pop_reply()[1])[:2]


def test_a_host_cannot_call_itself_a_board():
    node = Node(1, 900)
    host = Host(node.board, link=9, key=node.key).hello()
    assert host.grant(granter=2, flags=1, power_max_mW=900) == ept.NO_FEATURE
    assert host.send(wire.PEER_HELLO, CROWD_ID, 2, bytes(16)) != ept.NONE
    assert host.send(wire.PEER_WISH, 100, 1000, 1000) == ept.NO_FEATURE


def test_an_offer_is_good_for_one_grant():
    """A member that keeps its session grants itself again what was offered once."""
    room = met().run(2000)
    giver, taker = room.nodes
    transfer_id, grant = giver.board.ack_fields()[2], giver.board._running
    giver.board.stop(transfer_id)
    limits = (900, grant.energy_max_mJ, 9000, 0, 999, wire.GRANTED_BY_PEER)
    for number in (transfer_id, transfer_id + 1):
        code = asked(giver, taker.taker, wire.GRANT, number, wire.PTX, 2, 0, 2, *limits)[1]
        assert code != ept.NONE
    assert not giver.board.coil_on and len(receipts(giver)) == 1


def test_an_offer_ends_with_its_link():
    room = met()
    giver, taker = room.nodes
    while not taker.board.is_running:  # the offer stands, and the grant is on its way
        room.step()
    frame = taker.taker.pop_frame()
    energy_mJ = wire.unpack_body(frame)[6]
    giver.board.on_link(LINK, b"")
    giver.board.on_link(LINK, bytes(16))
    taker.taker._key = auth.session_key(
        hashlib.sha256, Membership(taker.crowd).key_to(1), bytes(16), bytes(16)
    )
    assert asked(giver, taker.taker, wire.PEER_HELLO, CROWD_ID, 2, bytes(16))[1] == ept.NONE
    limits = (900, energy_mJ, 9000, 0, 999, wire.GRANTED_BY_PEER)
    number = transfer_id_of(giver, taker, bytes(16))
    code = asked(giver, taker.taker, wire.GRANT, number, wire.PTX, 2, 0, 2, *limits)[1]
    assert code == ept.OUT_OF_RANGE


def test_a_taker_cannot_choose_the_number_of_its_transfer():
    """Else it would take one that the ledger has booked already, and its debt be nowhere."""
    room = met()
    giver, taker = room.nodes
    while not taker.board.is_running:
        room.step()
    fields = wire.unpack_body(taker.taker.pop_frame())
    for number in (1, fields[0] + 1):
        assert asked(giver, taker.taker, wire.GRANT, number, *fields[1:])[1] == ept.OUT_OF_RANGE
    assert asked(giver, taker.taker, wire.GRANT, *fields)[1] == ept.NONE
    assert asked(giver, taker.taker, wire.GRANT, *fields)[1] == ept.NONE  # its Ack was lost
    assert receipts(giver) == []


def transfer_id_of(giver, taker, nonce):
    key = Membership(taker.crowd).key_to(giver.board_id)
    return peer_keys.transfer_id(hashlib.sha256, key, nonce)
