# SPDX-License-Identifier: MIT
"""Sessions and commands: what is carried out, and what is refused."""

import hashlib

from support import HOST_NONCE, LINK, NONCE, Host, make_board
from wptcore import auth, ept, links, wire


def test_a_session_and_a_grant():
    host = Host(make_board()).hello()
    assert host.grant() == ept.NONE
    assert host.board.coil_on


def test_acks_are_authentic():
    host = Host(make_board()).hello()
    host.board.on_command(LINK, host.frame(wire.STOP, 5))
    _, reply = host.board.pop_reply()
    expected = auth.tag(hashlib.sha256, host.key, auth.FROM_BOARD, reply[:-16])
    assert reply[-16:] == expected


def test_no_command_before_hello():
    host = Host(make_board())
    assert host.grant() == ept.NO_SESSION
    assert not host.board.coil_on


def test_an_unprovisioned_board_refuses_everything():
    host = Host(make_board(key=b""), key=bytes(32))
    assert host.send(wire.HELLO, HOST_NONCE) == ept.NOT_PROVISIONED
    assert host.grant() == ept.NOT_PROVISIONED


def test_the_wrong_key_gets_no_session():
    host = Host(make_board(), key=bytes(32))
    assert host.send(wire.HELLO, HOST_NONCE) == ept.BAD_TAG
    assert host.grant() == ept.NO_SESSION


def test_every_flipped_bit_is_refused_and_the_board_goes_on():
    board = make_board()
    host = Host(board).hello()
    frame = host.frame(wire.GRANT, 1, wire.PTX, 9, 0, 0, 5000, 50_000, 60_000, 0, 1000, 0)
    for bit in range(len(frame) * 8):
        damaged = bytearray(frame)
        damaged[bit // 8] ^= 1 << bit % 8
        code = host.deliver(bytes(damaged))[1]
        assert code != ept.NONE, bit
        assert not board.coil_on
        if bit % 3 == 0:  # a link survives some failures; a fresh one goes on
            board.on_link(LINK, b"")
            host = Host(board).hello()
    assert Host(board).hello().grant() == ept.NONE


def test_refusals_are_named():
    frame = Host(make_board()).hello().frame(wire.STOP, 1)
    for damaged, code in (
        (b"\0" + frame[1:], ept.BAD_VERSION),
        (b"\x03" + frame[1:], ept.BAD_VERSION),
        (frame[:1] + b"\x70" + frame[2:], ept.BAD_TYPE),
        (frame[:-1], ept.BAD_LENGTH),
        (frame + b"\0", ept.BAD_LENGTH),
        (b"", ept.BAD_LENGTH),
        (frame[:-1] + bytes((frame[-1] ^ 1,)), ept.BAD_TAG),
    ):
        assert Host(make_board()).hello().deliver(damaged)[1] == code


def test_a_replayed_frame_is_refused():
    host = Host(make_board()).hello()
    frame = host.frame(wire.GRANT, 1, wire.PTX, 9, 0, 0, 5000, 50_000, 60_000, 0, 1000, 0)
    assert host.deliver(frame)[1] == ept.NONE
    assert host.deliver(frame)[1] == ept.REPLAYED


def test_a_frame_of_another_session_is_refused():
    board = make_board()
    frame = Host(board).hello().frame(wire.STOP, 1)
    board.on_link(LINK, b"")
    board.on_link(LINK, bytes(16))
    board.on_command(LINK, frame)
    assert wire.unpack_body(board.pop_reply()[1])[1] == ept.NO_SESSION


def test_a_board_does_not_take_its_own_ack():
    host = Host(make_board()).hello()
    host.board.on_command(LINK, host.frame(wire.STOP, 5))
    _, ack = host.board.pop_reply()
    host.board.on_command(LINK, ack)
    assert wire.unpack_body(host.board.pop_reply()[1])[1] == ept.BAD_TYPE


def test_too_many_failures_lock_the_link_and_ask_for_its_end():
    host = Host(make_board()).hello()
    frame = host.frame(wire.STOP, 1)
    bad = frame[:-1] + bytes((frame[-1] ^ 1,))
    for _ in range(links.FAILURES_MAX):
        assert host.board.unwelcome_link == -1
        assert host.deliver(bad)[1] == ept.BAD_TAG
    assert host.deliver(frame)[1] == ept.LOCKED_OUT
    assert host.board.unwelcome_link == LINK


def test_what_is_no_frame_counts_as_a_failure_too():
    for junk in (b"", bytes(30), bytes(128), b"\x02" + bytes(40), b"\x02\x70" + bytes(40)):
        host = Host(make_board()).hello()
        for _ in range(links.FAILURES_MAX):
            assert host.board.unwelcome_link == -1
            assert host.deliver(junk)[1] in (ept.BAD_LENGTH, ept.BAD_VERSION, ept.BAD_TYPE)
        assert host.board.unwelcome_link == LINK


def test_one_links_failures_are_not_anothers():
    board = make_board()
    host = Host(board, link=1).hello()
    for link in range(2, 40):  # a stranger who comes again and again
        board.on_link(link, NONCE)
        for _ in range(links.FAILURES_MAX):
            board.on_command(link, bytes(40))
            board.pop_reply()
        assert board.unwelcome_link == link
        board.on_link(link, b"")
    assert host.grant() == ept.NONE


def test_silence_is_dropped_sooner_while_every_link_is_taken():
    board = make_board()
    for link in range(links.LINKS_MAX):
        board.on_link(link, NONCE)
    board.on_elapsed(links.HELLO_CROWDED_ms)
    assert board.unwelcome_link == -1
    board.on_elapsed(1)
    assert board.unwelcome_link == 0


def test_a_link_without_hello_is_dropped_and_one_that_asks_is_not():
    board = make_board()
    host = Host(board, link=1).hello()
    board.on_link(2, NONCE)
    for _ in range(links.HELLO_MAX_ms // 3000):
        board.on_elapsed(3000)
        assert board.unwelcome_link == -1
        host.ask(wire.ASK_STATUS)
    board.on_elapsed(1)
    assert board.unwelcome_link == 2
    board.on_link(2, b"")
    assert board.unwelcome_link == -1


def test_two_links_have_sessions_of_their_own():
    board = make_board()
    one = Host(board, link=1).hello()
    two = Host(board, link=2).hello()
    assert one.grant(transfer_id=1) == ept.NONE
    assert two.grant(transfer_id=2) == ept.BUSY
    assert two.send(wire.STOP, 1) == ept.NONE


def test_a_flood_of_frames_gets_bounded_answers():
    board = make_board()
    board.on_link(LINK, NONCE)
    host = Host(board, link=LINK + 1)
    for _ in range(1000):
        board.on_command(LINK, bytes(30))
    board.on_command(host.link, host.frame(wire.HELLO, HOST_NONCE))
    answers = []
    while (reply := board.pop_reply()) is not None:
        answers.append(reply[0])
    assert answers == [LINK, LINK, LINK + 1]  # and not to the stranger alone
