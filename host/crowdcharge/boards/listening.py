# SPDX-License-Identifier: MIT
"""Who is there: the addresses of boards, from their adverts. An advert proves nothing."""

import asyncio
from collections.abc import Collection
from contextlib import suppress

from crowdcharge.boards.aliases import Aliases
from crowdcharge.boards.keys import Keys
from crowdcharge.errors import BoardUnreachable
from crowdcharge.radio.base import Advert, Radio

LISTEN_s = 10.0


async def address_of(radio: Radio, board_id: int, keys: Keys | None = None) -> str:
    """Return the address of one board; BoardUnreachable if it is not heard within LISTEN_s."""
    addresses = await addresses_of(radio, [board_id], LISTEN_s, keys)
    if board_id not in addresses:
        raise BoardUnreachable(board_id, f"not heard within {LISTEN_s:g} s")
    return addresses[board_id]


async def addresses_of(
    radio: Radio, wanted: Collection[int], seconds: float, keys: Keys | None = None
) -> dict[int, str]:
    """Return the addresses of the boards that are heard, until all are or the time is over.

    With their `keys` hidden boards are found, too.
    """
    aliases = Aliases(keys or {})
    addresses: dict[int, str] = {}
    all_heard = asyncio.Event()

    def on_advert(advert: Advert) -> None:
        with suppress(ValueError):
            board_id = aliases.beacon(advert.data).board_id
            if board_id in wanted:
                addresses[board_id] = advert.address
        if len(addresses) == len(wanted):
            all_heard.set()

    await radio.start_scan(on_advert)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await all_heard.wait()
    finally:
        await radio.stop_scan()
    return addresses
