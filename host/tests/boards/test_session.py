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
CHALLENGE = wire.pack_challenge(7, 3, wire.CARRIED, 100, NONCE)
BOARD_ms = 90_000
GRANT = (1, 1, 2, 0, 0, 3, 4, 5, 20, 1000, 0)
SETTINGS = settings(derandomize=True, deadline=None, max_examples=200)


class Clock:
    """A host's clock in ms that a test sets."""

    def __init__(self):
        self.ms = 5000

    def __call__(self):
        return self.ms


def opened(key=KEY, challenge=CHALLENGE, clock=None):
    return Session(key, challenge, HOST_NONCE, clock or Clock())


def greeted(clock=None):
    """Return a session and the board's links after Hello and its Ack at BOARD_ms."""
    session, links = opened(clock=clock), board_links()
    assert links.check(1, session.hello(), BOARD_ms) == ept.NONE
    session.open(ack(links, 1))
    return session, links


def board_links(key=KEY):
    """Return the board's half, from the core itself."""
    links = Links(key, sha256)
    links.open(1, NONCE)
    return links


def ack(links, counter, code=ept.NONE, command=wire.HELLO, soc_permille=421, time_ms=BOARD_ms):
    fields = (command, code, 0, 0, 5, 10, 20, soc_permille, -31)
    frame = wire.pack_frame(wire.ACK, counter, time_ms, *fields)
    return links.seal(1, frame)


def test_the_board_admits_what_the_session_seals():
    session, links = greeted()
    assert links.check(1, session.seal(wire.STOP, 9), BOARD_ms) == ept.NONE
    assert links.check(1, session.hello(), BOARD_ms) == ept.NONE
    assert session.counter == 3
    assert (session.board_id, session.epoch) == (7, 3)


def test_the_session_opens_what_the_board_seals():
    session, links = opened(), board_links()
    links.check(1, session.hello(), BOARD_ms)
    answer = session.open(ack(links, 1))
    assert answer == Ack(1, wire.HELLO, ept.NONE, 0, 0, 5, 10, 20, 421, -31)


def test_an_unknown_charge_is_none():
    session, links = opened(), board_links()
    links.check(1, session.hello(), BOARD_ms)
    assert session.open(ack(links, 1, soc_permille=0xFFFF)).soc_permille is None


def test_an_answer_without_a_tag_is_a_hint_and_never_done():
    session = opened()
    session.hello()
    with pytest.raises(UnprovenRefusalError, match="BAD_TAG") as caught:
        session.open(ack(board_links(), 1, ept.BAD_TAG))
    assert (caught.value.counter, caught.value.code) == (1, ept.BAD_TAG)
    with pytest.raises(RemoteProtocolError):
        session.open(ack(board_links(), 1, ept.NONE))


def test_another_key_does_not_get_in():
    session, links = opened(bytes(32)), board_links()
    assert links.check(1, session.hello(), BOARD_ms) == ept.BAD_TAG


@SETTINGS
@given(st.integers(0, 8 * wire.frame_size(wire.ACK) - 1))
def test_an_ack_with_any_bit_flipped_is_not_believed(bit):
    session, links = opened(), board_links()
    links.check(1, session.hello(), BOARD_ms)
    frame = bytearray(ack(links, 1))
    frame[bit // 8] ^= 1 << bit % 8
    with pytest.raises(RemoteProtocolError):
        session.open(bytes(frame))


@SETTINGS
@given(st.integers(0, 8 * wire.frame_size(wire.GRANT) - 1))
def test_a_command_with_any_bit_flipped_is_not_admitted(bit):
    session, links = greeted()
    frame = bytearray(session.seal(wire.GRANT, *GRANT))
    frame[bit // 8] ^= 1 << bit % 8
    with suppress(ValueError):  # a type or length that is answered before the tag is looked at
        assert links.check(1, bytes(frame), BOARD_ms) != ept.NONE


def test_a_frame_of_the_host_cannot_be_reflected():
    session, links = opened(), board_links()
    links.check(1, session.hello(), BOARD_ms)
    body = wire.pack_frame(wire.ACK, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)
    key = auth.session_key(sha256, KEY, NONCE, HOST_NONCE)
    with pytest.raises(RemoteProtocolError):
        session.open(body + auth.tag(sha256, key, auth.FROM_HOST, body))


@SETTINGS
@given(st.binary(max_size=80))
def test_any_bytes_are_an_ack_or_a_protocol_error(frame):
    session = opened()
    with pytest.raises(RemoteProtocolError):
        session.open(frame)


@SETTINGS
@given(st.binary(max_size=30))
def test_any_bytes_are_a_challenge_or_a_protocol_error(challenge):
    try:
        opened(KEY, challenge)
    except RemoteProtocolError:
        assert len(challenge) != len(CHALLENGE) or challenge[0] != wire.VERSION


def test_our_own_mistakes_are_local():
    with pytest.raises(LocalProtocolError):
        opened(b"short")


def expiry_ms(frame):
    return wire.unpack_header(frame)[3]


def test_commands_expire_by_the_boards_time():
    clock = Clock()
    session, links = greeted(clock)
    clock.ms += 1500
    frame = session.seal(wire.RENEW, 1, 2000, 0, 0, life_ms=2000)
    assert expiry_ms(frame) == BOARD_ms + 3500
    assert links.check(1, frame, BOARD_ms + 3500) == ept.EXPIRED
    frame = session.seal(wire.RENEW, 1, 2000, 0, 0, life_ms=2000)
    assert links.check(1, frame, BOARD_ms + 3499) == ept.NONE
    assert expiry_ms(session.seal(wire.GRANT, *GRANT, life_ms=60_000)) == BOARD_ms + 1500 + 4000
    assert expiry_ms(session.hello()) == 0


def test_a_late_answer_makes_commands_expire_sooner_never_later():
    clock = Clock()
    session, links = greeted(clock)
    clock.ms += 700  # on its way; the board's time has gone on
    session.open(ack(links, 1, time_ms=BOARD_ms))
    assert expiry_ms(session.seal(wire.STOP, 1, life_ms=1000)) == BOARD_ms + 1000


def test_the_boards_time_is_followed_across_its_wrap_and_a_reboot():
    clock = Clock()
    session, links = greeted(clock)
    session.open(ack(links, 1, time_ms=0xFFFFFFFF - 10))
    assert expiry_ms(session.seal(wire.STOP, 1, life_ms=1000)) == 989
    session.open(ack(links, 1, time_ms=3))
    assert expiry_ms(session.seal(wire.STOP, 1, life_ms=1000)) == 1003


def test_no_command_is_sealed_before_the_boards_time_is_known():
    with pytest.raises(LocalProtocolError, match="time"):
        opened().seal(wire.STOP, 1)


@pytest.mark.parametrize(
    ("version", "remedy"), [(1, "flash it again"), (3, "update this host"), (255, "update")]
)
def test_a_board_of_another_version_is_refused_by_what_to_do(version, remedy):
    for challenge in (bytes((version,)) + CHALLENGE[1:], bytes((version, 7, 0)) + bytes(18)):
        with pytest.raises(RemoteProtocolError, match=remedy) as caught:
            opened(KEY, challenge)
        assert f"board 7 speaks wire version {version}, this host version 2" in str(caught.value)
