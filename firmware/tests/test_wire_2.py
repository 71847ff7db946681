# SPDX-License-Identifier: MIT
"""Wire version 2 at the board: expiry, silent links, questions, features, other versions."""

import struct

from support import HOST_NONCE, LINK, NONCE, Host, make_board, run
from wptcore import ept, links, wire

GRANT = (1, wire.PTX, 9, 0, 0, 5000, 50_000, 60_000, 0, 1000, 0)


# -- expiry --


def test_a_withheld_command_has_no_effect_after_its_expiry():
    for frame_type, fields in ((wire.GRANT, GRANT), (wire.PING, (2, 3000))):
        board = make_board()
        host = Host(board).hello()
        withheld = host.frame(frame_type, *fields, life_ms=2000)
        board.on_elapsed(2000)
        assert host.deliver(withheld)[1] == ept.EXPIRED
        assert not board.coil_on
        assert board.state == 0 and board.receipts == b""


def test_a_withheld_renewal_does_not_prolong_and_a_withheld_stop_does_not_stop():
    for frame_type, fields in ((wire.RENEW, (1, 5000, 0, 0)), (wire.STOP, (1,))):
        board = make_board()
        host = Host(board).hello()
        assert host.grant(lease_ms=1000) == ept.NONE
        withheld = host.frame(frame_type, *fields, life_ms=500)
        run(board, 500)
        assert host.deliver(withheld)[1] == ept.EXPIRED
        assert board.coil_on
        run(board, 600)
        assert board.faults == bytes((ept.LEASE_LOST,))


def test_an_expiry_too_far_ahead_is_refused():
    host = Host(make_board()).hello()
    for life_ms, code in (
        (0, ept.EXPIRED),
        (-1, ept.EXPIRED),
        (wire.EXPIRY_MAX_ms + 1, ept.EXPIRED),
        (0x7FFFFFFF, ept.EXPIRED),
        (wire.EXPIRY_MAX_ms, ept.NONE),
    ):
        assert host.deliver(host.frame(wire.GRANT, *GRANT, life_ms=life_ms))[1] == code
        assert host.board.coil_on == (code == ept.NONE)


def test_expiry_goes_on_across_the_wrap_of_board_time():
    board = make_board()
    board.now_ms = 0xFFFFFFFF - 100
    host = Host(board).hello()
    frame = host.frame(wire.GRANT, *GRANT, life_ms=1000)
    board.on_elapsed(500)
    assert board.now_ms < 1000
    assert host.deliver(frame)[1] == ept.NONE
    late = host.frame(wire.STOP, 1, life_ms=1000)
    board.on_elapsed(1000)
    assert host.deliver(late)[1] == ept.EXPIRED


def test_an_expired_command_is_no_failure_and_cannot_be_sent_again():
    board = make_board()
    host = Host(board).hello()
    for _ in range(3 * links.FAILURES_MAX):
        expired = host.frame(wire.STOP, 1, life_ms=0)
        assert host.deliver(expired)[1] == ept.EXPIRED
    assert board.unwelcome_link == -1
    assert host.deliver(expired)[1] == ept.REPLAYED


def test_replies_tell_the_board_time():
    board = make_board()
    host = Host(board).hello()
    board.on_elapsed(1234)
    board.on_command(LINK, host.frame(wire.STOP, 1))
    assert wire.unpack_header(board.pop_reply()[1])[3] == board.now_ms
    assert wire.unpack_challenge(board.challenge(NONCE))[3] == board.now_ms


# -- links --


def test_an_authentic_link_that_is_silent_for_two_leases_is_dropped():
    board = make_board()
    Host(board).hello()
    board.on_elapsed(links.SILENT_MAX_ms)
    assert board.unwelcome_link == -1
    board.on_elapsed(1)
    assert board.unwelcome_link == LINK


def test_hello_again_and_expired_commands_do_not_hold_a_link():
    """What a relay has collected may be delivered late; it must not keep the slot."""
    board = make_board()
    host = Host(board).hello()
    for i in range(links.SILENT_MAX_ms // 1000 + 1):
        assert board.unwelcome_link == -1
        board.on_elapsed(1000)
        if i % 2:
            assert host.send(wire.HELLO, HOST_NONCE) == ept.NONE
        else:
            host.deliver(host.frame(wire.STOP, 1, life_ms=0))
    assert board.unwelcome_link == LINK


def test_the_oldest_without_hello_goes_first_while_every_link_is_taken():
    for links_max in (1, 2, 3):
        board = make_board(links_max=links_max)
        for link in range(links_max):
            board.on_link(link, NONCE)
            board.on_elapsed(100)
        board.on_elapsed(links.HELLO_CROWDED_ms - 100 * links_max)
        assert board.unwelcome_link == -1
        board.on_elapsed(1)
        assert board.unwelcome_link == 0
        board.on_link(0, b"")
        board.on_elapsed(1000)
        assert board.unwelcome_link == -1  # a slot is free: the others have their whole time


def test_a_host_that_has_said_hello_stays_while_strangers_fight_for_the_rest():
    board = make_board()
    host = Host(board, link=9).hello()
    board.on_link(1, NONCE)
    board.on_link(2, NONCE)
    for _ in range(4):
        board.on_elapsed(1000)
        host.ask(wire.ASK_STATUS)
        assert board.unwelcome_link in (-1, 1)


# -- questions --


def test_a_host_may_ask_for_limits_faults_and_status():
    board = make_board()
    host = Host(board).hello()
    limits = host.ask(wire.ASK_LIMITS)
    features = wire.CARRIED | wire.CALIBRATED | wire.ATTENDED
    assert limits[:8] == (3, 1, features, 100_000, 12_000, 20, 25, wire.PTX | wire.PRX)
    assert host.ask(wire.ASK_FAULTS) == (0, bytes(16))
    board.on_fault(ept.FOREIGN_OBJECT)
    board.on_fault(ept.LEASE_LOST)
    assert host.ask(wire.ASK_FAULTS) == (2, board.faults + bytes(14))
    assert set(board.faults) == {ept.FOREIGN_OBJECT, ept.LEASE_LOST}
    status = wire.unpack_beacon(host.ask(wire.ASK_STATUS)[0])
    assert status[0] == 3 and status[3] & wire.PROBLEM
    assert host.ask(9)[:2] == (wire.ASK, ept.OUT_OF_RANGE)


def test_nobody_without_a_session_gets_an_answer_to_a_question():
    host = Host(make_board())
    assert host.ask(wire.ASK_LIMITS)[:2] == (wire.ASK, ept.NO_SESSION)


# -- features --


def test_a_grant_for_what_the_board_does_not_carry_is_refused():
    for group, granter, flags, features, code in (
        (5, 0, 0, wire.CARRIED & ~wire.GROUP, ept.NO_FEATURE),
        (5, 0, 0, wire.CARRIED, ept.NONE),
        (0, 7, wire.GRANTED_BY_PEER, wire.CARRIED, ept.NO_FEATURE),
        (0, 7, wire.GRANTED_BY_PEER, wire.CARRIED | wire.PEERS, ept.NO_FEATURE),
        (0, 0, 2, wire.CARRIED | wire.PEERS | wire.GROUP, ept.NO_FEATURE),
        (0, 7, 0, 0, ept.NONE),
    ):
        host = Host(make_board(features=features)).hello()
        assert host.grant(peer=2, group=group, granter=granter, flags=flags) == code
        if code == ept.NONE:
            host.send(wire.STOP, 1)
            assert wire.unpack_receipt(host.board.receipts)[13:] == (group, granter, flags)


def test_a_board_without_a_market_says_so():
    host = Host(make_board(features=wire.FOD)).hello()
    assert host.send(wire.MARKET_OPEN, bytes(16), 3, 0) == ept.NO_FEATURE


# -- other versions --


def test_a_host_of_version_1_is_answered_in_its_own_layout():
    for frame_type, body in ((wire.HELLO, HOST_NONCE), (wire.CLEAR, b"\x82"), (0x70, b"")):
        host = Host(make_board())
        host.board.on_command(LINK, struct.pack("<BBI", 1, frame_type, 77) + body + bytes(16))
        _, reply = host.board.pop_reply()
        assert struct.unpack_from("<BBI", reply, 0) == (1, wire.ACK, 77)
        assert struct.unpack_from("<BB", reply, 6) == (frame_type, ept.BAD_VERSION)
        assert len(reply) == 42 and reply[-16:] == bytes(16)


def test_frames_of_other_versions_end_a_link_like_junk():
    for version in (0, 1, 3, 255):
        host = Host(make_board()).hello()
        for _ in range(links.FAILURES_MAX):
            assert host.board.unwelcome_link == -1
            host.board.on_command(LINK, bytes((version,)) + bytes(40))
            assert host.board.pop_reply() is not None
        assert host.board.unwelcome_link == LINK
