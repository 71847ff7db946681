# SPDX-License-Identifier: MIT
"""A board as a central, on the real VM: events, their order, and NimBLE's error numbers."""

import asyncio

import pytest

from wptcore import peer_taker, wire

pytestmark = [pytest.mark.bench, pytest.mark.vm]


async def test_the_central_role_answers_as_nimble_does(desk):
    giver = await desk.board()
    address = giver.address.replace(":", "")
    board = await desk.board("central_check.py", links_max=4, PEER=address)
    out, _ = await asyncio.to_thread(board.vm.communicate, timeout=60)
    assert b"done" in out, out.decode()


async def meet_one_that_is_no_board(desk, lacks: str = "") -> tuple[int, ...]:
    """Return action, ms, most news that waited, most replies in a pass, replies."""
    giver = await desk.board("false_giver.py", LACKS=lacks)
    address = giver.address.replace(":", "")
    board = await desk.board("peer_radio_check.py", links_max=4, PEER=address)
    out, _ = await asyncio.to_thread(board.vm.communicate, timeout=60)
    return tuple(map(int, out.split()))


NEWS_MAX = 16 + 4  # and the ends of what was asked


@pytest.mark.parametrize("lacks", [wire.REPLY_UUID, wire.COMMAND_UUID, wire.CHALLENGE_UUID])
async def test_one_that_has_not_all_of_a_board_is_left_at_once(desk, lacks: str) -> None:
    action, took_ms, *_ = await meet_one_that_is_no_board(desk, lacks)
    assert action == peer_taker.LISTEN and took_ms < 3000


async def test_a_flood_of_replies_fills_no_memory_and_holds_up_no_pass(desk) -> None:
    action, _, waiting, most, replies = await meet_one_that_is_no_board(desk)
    assert action == peer_taker.TALK
    assert replies > NEWS_MAX and most <= waiting <= NEWS_MAX
