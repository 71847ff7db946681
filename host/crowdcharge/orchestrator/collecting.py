# SPDX-License-Identifier: MIT
"""Fetch what boards have metered by themselves, check it, and book it. Grants nothing."""

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass, field

from crowdcharge.boards.keys import Keys
from crowdcharge.boards.link import BoardLink
from crowdcharge.boards.models import Beacon
from crowdcharge.clock import Clock
from crowdcharge.errors import ProtocolError, RadioError
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.events import Emit
from crowdcharge.orchestrator.ledger_keeper import LedgerKeeper
from crowdcharge.radio.base import Advert, Radio

TRIES = 3


@dataclass(slots=True)
class Collected:
    """`boards`: whose receipts are in the ledger; `failed`: why the others' are not."""

    boards: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)


async def collect(
    radio: Radio, store: Store, keys: Keys, clock: Clock, emit: Emit, seconds: float
) -> Collected:
    """Listen, then visit each board that is heard and whose key is known.

    What only one board has told by then is booked one-sided; its partner's receipt may come later.
    """
    keeper = LedgerKeeper(store, keys, clock, emit, secrets.randbelow(1 << 32) or 1)
    found = Collected()
    for board_id, address in sorted((await _heard(radio, keys, seconds)).items()):
        for _ in range(TRIES):
            try:
                await _visit(radio, keeper, board_id, address, keys[board_id], clock)
            except (RadioError, ProtocolError) as error:
                found.failed[board_id] = str(error)
            else:
                found.failed.pop(board_id, None)
                found.boards.append(board_id)
                break
    keeper.close_books()
    return found


async def _visit(
    radio: Radio, keeper: LedgerKeeper, board_id: int, address: str, key: bytes, clock: Clock
) -> None:
    link = await BoardLink.open(radio, address, board_id, key, secrets.token_bytes, clock)
    try:
        await keeper.sync(link)
    finally:
        await link.close()


async def _heard(radio: Radio, keys: Keys, seconds: float) -> dict[int, str]:
    """Return the addresses of the boards that are heard, until all are or the time is over."""
    addresses: dict[int, str] = {}
    all_heard = asyncio.Event()

    def on_advert(advert: Advert) -> None:
        with suppress(ValueError):
            board_id = Beacon.unpack(advert.data).board_id
            if board_id in keys:
                addresses[board_id] = advert.address
        if len(addresses) == len(keys):
            all_heard.set()

    await radio.start_scan(on_advert)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await all_heard.wait()
    finally:
        await radio.stop_scan()
    return addresses
