# SPDX-License-Identifier: MIT
"""One board by radio, for a command that an owner types."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from crowdcharge.boards import codes
from crowdcharge.boards.link import BoardLink
from crowdcharge.boards.models import Beacon
from crowdcharge.clock import BoardClock
from crowdcharge.errors import BoardUnreachable, GrantRefused
from crowdcharge.radio.base import Advert, Radio
from wptcore import ept

LISTEN_s = 10.0


@asynccontextmanager
async def linked(radio: Radio, board_id: int, key: bytes) -> AsyncIterator[BoardLink]:
    """Listen for the board, and hold an authenticated link to it within the block."""
    address = await _heard(radio, board_id)
    link = await BoardLink.open(radio, address, board_id, key, secrets.token_bytes, BoardClock())
    try:
        yield link
    finally:
        await link.close()


async def obeyed(link: BoardLink, frame_type: int, *fields: int) -> None:
    """Send a command; GrantRefused says in words why the board does not obey."""
    ack = await link.command(frame_type, *fields)
    if ack.code != ept.NONE:
        raise GrantRefused(link.board_id, ack.code, codes.text(ack.code))


async def _heard(radio: Radio, board_id: int) -> str:
    """Listen until the board is heard and return its address."""
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def on_advert(advert: Advert) -> None:
        try:
            if Beacon.unpack(advert.data).board_id == board_id and not found.done():
                found.set_result(advert.address)
        except ValueError:
            return

    await radio.start_scan(on_advert)
    try:
        async with asyncio.timeout(LISTEN_s):
            return await found
    except TimeoutError:
        raise BoardUnreachable(board_id, f"not heard within {LISTEN_s:g} s") from None
    finally:
        await radio.stop_scan()
