# SPDX-License-Identifier: MIT
"""Receipts of two boards that nobody has collected: which keep their place, what that stops."""

from peers import CROWD_ID, LINK, Node, Room, SENT_mA, STEP_ms, membership, receipts
from support import HOST_NONCE, Host
from wptcore import ept, peer_meeting, peer_taker, wire
from wptcore.consent import CROWD
from wptcore.peer_desk import Membership


def test_a_store_that_is_full_gives_no_more_and_loses_nothing():
    room = Room(Node(1, 900), Node(2, 300))
    giver, taker = room.nodes
    for _ in range(7):
        while not giver.board.coil_on:
            room.step()
        room.run(1000)
        taker.board.stop(taker.board.ack_fields()[2])
        room.run(10_500)
    assert peer_meeting.giving_refusal(giver.board, CROWD, CROWD_ID) == ept.RECEIPTS_FULL
    ids = {receipt[2] for receipt in receipts(giver)}
    assert len(ids) == 7
    host = Host(giver.board, link=9, key=giver.key).hello()
    for number in range(100, 104):  # a host's receipts pass through the last place
        assert host.grant(transfer_id=number, power_max_mW=1000) == ept.NONE
        host.send(wire.STOP, number)
    assert ids < {receipt[2] for receipt in receipts(giver)}
    assert receipts(giver)[0][2] == 103 and len(receipts(giver)) == 8
    host.send(wire.COLLECTED, min(ids))
    giver.board.on_link(9, b"")
    assert peer_meeting.giving_refusal(giver.board, CROWD, CROWD_ID) == ept.NONE


def test_boards_that_lie_beside_each_other_try_seldom_and_owe_nothing():
    room = Room(Node(1, 900), Node(2, 300))
    room.sent_mA = 0  # coil beside coil
    room.run(400_000)
    for node in room.nodes:
        tries = receipts(node)
        assert len(tries) == 2 and {receipt[9] for receipt in tries} == {ept.NO_RESPONSE}
        assert not node.stored.owed
    room.rssi_dBm = peer_taker.NEAR_dBm - 10  # somebody moves them
    room.run(10_000)
    room.rssi_dBm = -30
    room.sent_mA = SENT_mA
    room.run(30_000)
    for node in room.nodes:
        assert receipts(node)[0][5] > 1000 or node.board.is_running


def test_a_member_that_asks_and_lies_elsewhere_has_the_coil_ping_for_half_a_minute_an_hour():
    giver, taker = Node(1, 900), Node(2, 300)
    room = Room(giver, taker)
    room.sent_mA = 0
    on_ms = 0
    for _ in range(150_000 // STEP_ms):
        taker.taker._rests = []  # it does not leave the giver alone
        room.heard.clear()  # a VM's memory is small
        room.step()
        on_ms += STEP_ms if giver.board.coil_on else 0
    assert 25_000 < on_ms < 31_000
    assert taker.taker.refused_by == ept.NO_RESPONSE and not giver.board.faults
    room.part()
    other = Node(3, 300)
    other.last_ms = room.now_ms
    room.nodes = (giver, other)
    room.run(3000)
    assert giver.board.coil_on and not receipts(other), "one's tries are not another's"


def test_who_is_refused_after_six_tries_in_vain_does_not_go_on_asking():
    room = Room(Node(1, 900), Node(2, 300))
    taker = room.nodes[1].taker
    room.sent_mA = 0
    while len(receipts(room.nodes[1])) < 6:
        taker._rests = []
        room.heard.clear()
        room.step()
    room.run(1000)
    taker._rests = []
    room.run(1000)
    heard = len(room.heard)
    room.run(30_000)
    assert len(room.heard) == heard and taker.refused_by == ept.NO_RESPONSE


def test_a_false_charge_counts_once_a_meeting_and_no_more_than_a_battery_holds():
    """Else one member's word would keep a giver from giving to all others (online-average)."""
    giver = Node(1, 900, crowd=membership(1, policy="online-average"))
    liar = Host(giver.board, link=LINK, key=Membership(membership(2)).key_to(1))
    assert liar.send(wire.PEER_HELLO, CROWD_ID, 2, HOST_NONCE) == ept.NONE
    for _ in range(50):
        liar.deliver(liar.frame(wire.PEER_WISH, 1000, 0xFFFFFFFF, 1000))
    giver.board.on_link(LINK, b"")
    for _ in range(2):  # what it meets pulls the average down again
        room = Room(giver, Node(3, 100)).run(3000)
        room.part()
    assert giver.board.coil_on
