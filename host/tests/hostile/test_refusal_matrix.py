# SPDX-License-Identifier: MIT
"""Every declared refusal, from boards with the real firmware."""

from contextlib import suppress

import pytest

from crowdcharge.boards import codes
from crowdcharge.errors import WptError
from wptcore import ept, links, wire

pytestmark = [
    pytest.mark.bench,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]

CODES = {name: code for code, name in codes.NAMES.items()}


def code_of(name: str) -> int:
    return CODES[name]


async def refusal_of(rig, board: int, frame: bytes) -> int:
    """Return the code in the Ack to raw bytes, on a link of their own."""
    stranger = await rig.stranger(board)
    try:
        return (await stranger.ask_raw(frame))[1]
    finally:
        await stranger.close()


async def frame_of(rig, board: int, frame_type: int, *fields: int) -> bytes:
    """Return a frame that is authentic on the second host's link, and nowhere else."""
    return (await rig.link(board))._session.seal(frame_type, *fields)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("BAD_LENGTH", lambda frame: frame[:-1]),
        ("BAD_VERSION", lambda frame: b"\x09" + frame[1:]),
        ("BAD_TYPE", lambda frame: frame[:1] + b"\x70" + frame[2:]),
        ("NO_SESSION", lambda frame: frame),
    ],
)
async def test_a_frame_that_is_not_in_order_is_refused_by_name(rig, name, change):
    frame = await frame_of(rig, 1, wire.STOP, 5)
    assert await refusal_of(rig, 1, change(frame)) == code_of(name)


async def test_replay_wrong_tags_and_the_end_of_patience_are_refused_by_name(rig):
    stranger = await rig.stranger(1)
    good = stranger.hello(rig.keys[1])
    assert (await stranger.ask_raw(good))[1] == ept.NONE
    assert (await stranger.ask_raw(good))[1] == code_of("REPLAYED")
    bad = stranger.hello(rig.keys[1])[:-1] + b"\0"
    for _ in range(links.FAILURES_MAX - 2):  # the replay was the first failure
        assert (await stranger.ask_raw(bad))[1] == code_of("BAD_TAG")
    with suppress(WptError):  # the board ends the link before the answer can leave
        await stranger.ask_raw(bad)
    await rig.until(stranger.lost.is_set, "the link's end")


async def test_commands_that_make_no_sense_are_refused_by_name(rig):
    assert await rig.command(1, wire.STOP, 123456) == code_of("UNKNOWN_TRANSFER")
    assert await rig.command(1, wire.RENEW, 9, 1000, 0, 0) == code_of("UNKNOWN_TRANSFER")
    assert await rig.grant(1, lease_ms=5001) == code_of("OUT_OF_RANGE")
    assert await rig.grant(1, power_max_mW=12_001) == code_of("OUT_OF_RANGE")
    assert await rig.command(1, wire.CONFIGURE, 1, 19) == code_of("OUT_OF_RANGE")
    assert await rig.grant(1) == ept.NONE
    assert await rig.grant(1) == code_of("BUSY")


async def test_boards_that_may_not_transmit_refuse_by_name(rig):
    assert await rig.grant(4) == code_of("NO_ROLE")
    assert await rig.grant(5, power_max_mW=1001) == code_of("UNCALIBRATED")
    stranger = await rig.stranger(3)
    assert (await stranger.ask_raw(stranger.hello(bytes(32))))[1] == code_of("NOT_PROVISIONED")
    await stranger.close()


async def test_a_board_in_maintenance_refuses(rig):
    await rig.maintain(2, True)
    try:
        assert await rig.grant(2, wire.PRX) == code_of("MAINTENANCE")
    finally:
        await rig.maintain(2, False)


async def test_a_board_without_terms_refuses_a_market_by_name(rig):
    assert await rig.command(1, wire.MARKET_OPEN, bytes(16), 3, 0) == code_of("NO_TERMS")
