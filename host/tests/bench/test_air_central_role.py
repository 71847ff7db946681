# SPDX-License-Identifier: MIT
"""A board as a central, on the real VM: events, their order, and NimBLE's error numbers."""

import asyncio

import pytest

pytestmark = [pytest.mark.bench, pytest.mark.vm]


async def test_the_central_role_answers_as_nimble_does(desk):
    giver = await desk.board()
    address = giver.address.replace(":", "")
    board = await desk.board("central_check.py", links_max=4, PEER=address)
    out, _ = await asyncio.to_thread(board.vm.communicate, timeout=60)
    assert b"done" in out, out.decode()
