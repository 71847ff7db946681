# SPDX-License-Identifier: MIT
"""The host's session against the board's core: both believe the other and nobody else."""

from contextlib import suppress
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.boards.models import Ack
from crowdcharge.boards.session import Session, UnprovenRefusalError
from crowdcharge.errors import LocalProtocolError, RemoteProtocolError
from wptcore import auth, ept, wire
from wptcore.links import Links

KEY, NONCE, HOST_NONCE = bytes(range(32)), bytes(range(50, 66)), bytes(range(80, 96))
CHALLENGE = wire.pack_challenge(7, 3, NONCE)
SETTINGS = settings(derandomize=True, deadline=None, max_examples=200)


def board_links(key=KEY):
    """The board's half, from the core itself."""
    links = Links(key, sha256)
    links.open(1, NONCE)
    return links


def ack(links, counter, code=ept.NONE, command=wire.HELLO, soc_permille=421):
    frame = wire.pack_frame(wire.ACK, counter, command, code, 0, 0, 5, 10, 20, soc_permille, -31)
    return links.seal(1, frame)


def test_the_board_admits_what_the_session_seals():
    session, links = Session(KEY, CHALLENGE, HOST_NONCE), board_links()
    assert links.check(1, session.hello()) == ept.NONE
    assert links.check(1, session.seal(wire.STOP, 9)) == ept.NONE
    assert links.check(1, session.hello()) == ept.NONE
    assert session.counter == 3
    assert (session.board_id, session.epoch) == (7, 3)


def test_the_session_opens_what_the_board_seals():
    session, links = Session(KEY, CHALLENGE, HOST_NONCE), board_links()
    links.check(1, session.hello())
    opened = session.open(ack(links, 1))
    assert opened == Ack(1, wire.HELLO, ept.NONE, 0, 0, 5, 10, 20, 421, -31)


def test_an_unknown_charge_is_none():
    session, links = Session(KEY, CHALLENGE, HOST_NONCE), board_links()
    links.check(1, session.hello())
    assert session.open(ack(links, 1, soc_permille=0xFFFF)).soc_permille is None


def test_an_answer_without_a_tag_is_a_hint_and_never_done():
    session = Session(KEY, CHALLENGE, HOST_NONCE)
    session.hello()
    with pytest.raises(UnprovenRefusalError, match="BAD_TAG") as caught:
        session.open(ack(board_links(), 1, ept.BAD_TAG))
    assert (caught.value.counter, caught.value.code) == (1, ept.BAD_TAG)
    with pytest.raises(RemoteProtocolError):
        session.open(ack(board_links(), 1, ept.NONE))


def test_another_key_does_not_get_in():
    session, links = Session(bytes(32), CHALLENGE, HOST_NONCE), board_links()
    assert links.check(1, session.hello()) == ept.BAD_TAG


@SETTINGS
@given(st.integers(0, 8 * wire.frame_size(wire.ACK) - 1))
def test_an_ack_with_any_bit_flipped_is_not_believed(bit):
    session, links = Session(KEY, CHALLENGE, HOST_NONCE), board_links()
    links.check(1, session.hello())
    frame = bytearray(ack(links, 1))
    frame[bit // 8] ^= 1 << bit % 8
    with pytest.raises(RemoteProtocolError):
        session.open(bytes(frame))


@SETTINGS
@given(st.integers(0, 8 * wire.frame_size(wire.GRANT) - 1))
def test_a_command_with_any_bit_flipped_is_not_admitted(bit):
    session, links = Session(KEY, CHALLENGE, HOST_NONCE), board_links()
    links.check(1, session.hello())
    frame = bytearray(session.seal(wire.GRANT, 1, 1, 2, 3, 4, 5, 20, 1000))
    frame[bit // 8] ^= 1 << bit % 8
    with suppress(ValueError):  # a type or length that is answered before the tag is looked at
        assert links.check(1, bytes(frame)) != ept.NONE


def test_a_frame_of_the_host_cannot_be_reflected():
    session, links = Session(KEY, CHALLENGE, HOST_NONCE), board_links()
    links.check(1, session.hello())
    body = wire.pack_frame(wire.ACK, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0)
    key = auth.session_key(sha256, KEY, NONCE, HOST_NONCE)
    with pytest.raises(RemoteProtocolError):
        session.open(body + auth.tag(sha256, key, auth.FROM_HOST, body))


@SETTINGS
@given(st.binary(max_size=80))
def test_any_bytes_are_an_ack_or_a_protocol_error(frame):
    session = Session(KEY, CHALLENGE, HOST_NONCE)
    with pytest.raises(RemoteProtocolError):
        session.open(frame)


@SETTINGS
@given(st.binary(max_size=30))
def test_any_bytes_are_a_challenge_or_a_protocol_error(challenge):
    try:
        Session(KEY, challenge, HOST_NONCE)
    except RemoteProtocolError:
        assert len(challenge) != len(CHALLENGE) or challenge[0] != wire.VERSION


def test_our_own_mistakes_are_local():
    with pytest.raises(LocalProtocolError):
        Session(b"short", CHALLENGE, HOST_NONCE)
