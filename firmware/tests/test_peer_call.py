# SPDX-License-Identifier: MIT
"""A board that only accepts connections is called by one that has more, and takes as ever."""

from called import Accepts, CalledRoom, Calls, nonce
from peers import CROWD_ID, SENT_mA, membership, receipts
from support import Host
from wptcore import auth, ept, peer_taker, wire
from wptcore.consent import HOST
from wptcore.peer_caller import CALLED, PATIENCE_ms


def laid(giver_permille=900, taker_permille=300, **giver):
    return CalledRoom(Calls(1, giver_permille, **giver), Accepts(2, taker_permille))


def test_a_board_that_only_accepts_is_called_and_takes_and_both_sign():
    room = laid().run(PATIENCE_ms - 1000)
    giver, taker = room.nodes
    assert room.linked is None  # who could ask has asked by then
    room.run(3000)
    assert giver.board.coil_on and taker.board.receiver_on
    room.run(120_000)
    assert not giver.board.is_running and not taker.board.is_running
    given, taken = receipts(giver)[-1], receipts(taker)[-1]
    assert (given[2], given[3], taken[3]) == (taken[2], wire.PTX, wire.PRX)
    assert given[14] == taken[14] == 2  # the taker is the granter, as ever
    assert given[15] == taken[15] == wire.GRANTED_BY_PEER
    assert given[5] > taken[5] > 1000


def test_who_has_not_consented_calls_nobody():
    room = laid(gives_to=HOST).run(30_000)
    assert not room.calls and not receipts(room.nodes[0])


def test_who_may_not_give_now_calls_nobody():
    room = laid()
    room.nodes[0].board.on_button(5000)  # its owner's off
    assert not room.run(30_000).calls
    assert not laid(giver_permille=190, taker_permille=50).run(30_000).calls  # below its floor
    room = laid(day_mJ=5000).run(40_000)
    assert 4900 <= room.nodes[0].board.figures[5] <= 5050 and room.calls == 1
    assert room.run(60_000).calls == 1  # its day is given
    room = laid()
    Host(room.nodes[0].board, link=9, key=room.nodes[0].key).hello()  # a host goes before
    assert not room.run(8000).calls


def test_an_owner_who_wants_to_be_asked_is_asked_when_there_is_somebody():
    room = laid()
    board = room.nodes[0].board
    asked = []
    board.consent.asks = lambda: asked.append(room.now_ms) or ept.OWNER_ASKED
    room.run(30_000)
    assert len(asked) == room.calls and asked[0] >= PATIENCE_ms
    assert not receipts(room.nodes[0])


def test_who_has_less_or_as_much_or_lies_elsewhere_is_not_called():
    assert not laid(giver_permille=300, taker_permille=900).run(30_000).calls
    assert not laid(giver_permille=320, taker_permille=300).run(30_000).calls
    room = laid()
    caller, beacon = room.nodes[0].caller, room.nodes[1].beacon()
    for _ in range(20):
        caller.on_elapsed(1000)
        caller.on_advert("there", beacon, peer_taker.NEAR_dBm - 1)
    assert caller.action == peer_taker.LISTEN


def test_a_board_that_lies_beside_its_caller_is_called_seldom_and_soon_once_it_was_moved():
    room = laid()
    room.sent_mA = 0  # coil beside coil
    room.run(90_000)
    assert [receipt[9] for receipt in receipts(room.nodes[1])] == [ept.NO_RESPONSE]
    room.rssi_dBm = peer_taker.NEAR_dBm - 10  # somebody moves it
    room.run(10_000)
    room.rssi_dBm = -30
    room.sent_mA = SENT_mA
    room.run(10_000)
    assert room.nodes[0].board.coil_on and room.calls == 2


def test_who_does_not_answer_is_left_alone_for_a_minute():
    room = laid()
    room.nodes[1].taker.on_call = lambda _challenge: None  # it asks by itself, or wants nothing
    room.run(60_000)
    assert room.calls == 1
    assert room.run(20_000).calls == 2 and not receipts(room.nodes[0])


def test_a_member_that_was_left_out_is_called_in_vain():
    room = laid(crowd=membership(1, epoch=1)).run(60_000)
    assert room.calls and not receipts(room.nodes[0])


def test_a_lost_link_ends_both_within_the_lease():
    room = laid().run(20_000)
    giver, taker = room.nodes
    assert giver.board.coil_on
    room.near = False
    room.run(4000 + 100)
    assert not giver.board.coil_on and not taker.board.receiver_on
    assert receipts(giver)[0][9] == receipts(taker)[0][9] == ept.PEER_LOST


def test_a_host_goes_before_a_board_that_was_called():
    room = laid().run(20_000)
    giver = room.nodes[0]
    host = Host(giver.board, link=9, key=giver.key).hello()
    assert host.grant(transfer_id=77, power_max_mW=1000) == ept.NONE
    assert receipts(giver)[0][9] == ept.HOST_FIRST


def test_a_stranger_who_calls_gets_a_hello_and_nothing_else():
    """Anybody may call; without the key of the pair no answer counts, and the receiver is shut."""
    taker = Accepts(2, 300)
    stranger = Calls(1, 900, crowd=membership(1, crowd_key=bytes(32)))
    taker.taker.on_call(stranger.board.challenge(nonce(1)))
    hello = taker.taker.pop_frame()
    assert wire.unpack_body(hello)[:2] == (CROWD_ID, 2)
    stranger.board.on_link(CALLED, nonce(1))
    stranger.board.on_command(CALLED, hello)
    taker.taker.on_reply(stranger.board.pop_reply()[1])
    assert taker.taker.action == peer_taker.TALK  # no news
    for _ in range(40):
        taker.taker.on_elapsed(100)
    assert taker.taker.action == peer_taker.LEAVE and not taker.board.receiver_on


def test_a_call_of_the_past_is_answered_with_a_nonce_of_today():
    """So a recorded meeting is worth nothing at a board that is called, either."""
    room = laid().run(20_000)
    recorded = list(room.heard)
    room.run(120_000)
    taker = room.nodes[1]
    before = len(receipts(taker))
    taker.taker._rests = []
    for frame in recorded:
        if wire.unpack_header(frame)[1] == wire.PEER_CALL:
            taker.taker.on_call(wire.unpack_body(frame)[0])
            taker.taker.pop_frame()
        elif wire.unpack_header(frame)[1] >= wire.ACK:
            taker.taker.on_reply(frame)
        assert not taker.board.receiver_on
    assert len(receipts(taker)) == before


def test_damaged_calls_and_calls_of_members_one_may_not_ask_are_nothing():
    taker = Accepts(2, 300).taker
    for challenge in (b"", bytes(31), Calls(9, 900).board.challenge(nonce(2))):
        taker.on_call(challenge)
        assert taker.action == peer_taker.LISTEN


def test_a_board_that_asks_by_itself_answers_a_call_with_a_refusal_and_is_left():
    called = Calls(2, 300)
    called.board.on_link(4, nonce(3))
    caller = Calls(1, 900)
    call = wire.pack_frame(wire.PEER_CALL, 0, 0, caller.board.challenge(nonce(4)))
    called.board.on_command(4, call + bytes(auth.TAG_SIZE))
    caller.caller.action = peer_taker.TALK
    caller.caller.on_reply(called.board.pop_reply()[1])
    assert caller.caller.action == peer_taker.LEAVE


def test_the_lent_link_is_dropped_when_the_other_board_falls_silent():
    room = laid().run(PATIENCE_ms + 2000)
    giver, taker = room.nodes
    assert giver.board.coil_on
    taker.taker.on_elapsed = lambda _dt_ms: None  # it says no more, and keeps the link
    room.run(12_000)
    assert giver.board.unwelcome_link == CALLED and not giver.board.coil_on
