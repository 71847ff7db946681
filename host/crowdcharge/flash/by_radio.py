# SPDX-License-Identifier: MIT
"""One board by radio, for a command that an owner types."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from crowdcharge.boards import codes
from crowdcharge.boards.link import BoardLink
from crowdcharge.boards.listening import address_of
from crowdcharge.clock import BoardClock
from crowdcharge.errors import GrantRefused
from crowdcharge.radio.base import Radio
from wptcore import ept


@asynccontextmanager
async def linked(radio: Radio, board_id: int, key: bytes) -> AsyncIterator[BoardLink]:
    """Listen for the board, and hold an authenticated link to it within the block."""
    address = await address_of(radio, board_id, {board_id: key})
    clock, random_bytes = BoardClock(), secrets.token_bytes
    link = await BoardLink.open(radio, address, board_id, key, random_bytes, clock)
    try:
        yield link
    finally:
        await link.close()


async def obeyed(link: BoardLink, frame_type: int, *fields: int) -> None:
    """Send a command; GrantRefused says in words why the board does not obey."""
    ack = await link.command(frame_type, *fields)
    if ack.code != ept.NONE:
        raise GrantRefused(link.board_id, ack.code, codes.text(ack.code))
