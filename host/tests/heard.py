# SPDX-License-Identifier: MIT
"""Wait for boards to be on the air."""

import asyncio
from collections.abc import Iterable

from crowdcharge.radio.base import Advert, Radio


async def hear(radio: Radio, addresses: Iterable[str], within_s: float) -> None:
    """Scan until every address has been heard; the scan goes on."""
    missing = set(addresses)
    all_heard = asyncio.Event()

    def note(advert: Advert) -> None:
        missing.discard(advert.address)
        if not missing:
            all_heard.set()

    await radio.start_scan(note)
    await asyncio.wait_for(all_heard.wait(), within_s)
