# SPDX-License-Identifier: MIT
"""Who is there: the addresses of boards, from their adverts. An advert proves nothing."""

import asyncio
from collections.abc import Collection
from contextlib import suppress

from crowdcharge.boards.aliases import Aliases
from crowdcharge.boards.keys import Keys
from crowdcharge.radio.base import Advert, Radio


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
