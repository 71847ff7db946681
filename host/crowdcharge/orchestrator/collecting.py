# SPDX-License-Identifier: MIT
"""Fetch what boards have metered by themselves, check it, and book it. Grants nothing."""

import secrets
from dataclasses import dataclass, field

from crowdcharge.boards.keys import Keys
from crowdcharge.boards.link import BoardLink
from crowdcharge.boards.listening import addresses_of
from crowdcharge.clock import Clock
from crowdcharge.errors import ProtocolError, RadioError
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.events import Emit
from crowdcharge.orchestrator.ledger_keeper import LedgerKeeper
from crowdcharge.radio.base import Radio

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
    for board_id, address in sorted((await addresses_of(radio, keys, seconds)).items()):
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
