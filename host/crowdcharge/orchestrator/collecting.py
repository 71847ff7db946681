# SPDX-License-Identifier: MIT
"""Fetch what boards have metered by themselves, check it, and book it. Grants nothing."""

import secrets
from dataclasses import dataclass, field

from crowdcharge.boards.keys import Keys
from crowdcharge.boards.link import BoardLink
from crowdcharge.boards.listening import addresses_of
from crowdcharge.boards.models import Receipt, unpack_receipts
from crowdcharge.clock import Clock
from crowdcharge.errors import ProtocolError, RadioError
from crowdcharge.ledger import peers
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.events import Emit
from crowdcharge.orchestrator.ledger_keeper import LedgerKeeper
from crowdcharge.radio.base import Radio
from wptcore import wire

TRIES = 3


@dataclass(slots=True)
class Collected:
    """`boards`: whose receipts are in the ledger; `failed`: why the others' are not.

    `claimed`: boards without a key here, of which there are claims only.
    """

    boards: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    claimed: list[int] = field(default_factory=list)


async def collect(
    radio: Radio, store: Store, keys: Keys, clock: Clock, emit: Emit, seconds: float
) -> Collected:
    """Listen, then visit each board that is heard and whose key is known.

    What only one board has told by then is booked one-sided; its partner's receipt may come later.
    """
    keeper = LedgerKeeper(store, keys, clock, emit, secrets.randbelow(1 << 32) or 1)
    found = Collected()
    for board_id, address in sorted((await addresses_of(radio, keys, seconds, keys)).items()):
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
    doubtful = peers.doubtful(store.book, keys)
    addresses = await addresses_of(radio, doubtful, seconds) if doubtful else {}
    for board_id, address in addresses.items():
        receipts = await _shown(radio, address)
        rows = peers.claims(receipts, board_id, doubtful[board_id], int(clock.now_s() * 1000))
        store.append(rows)
        found.claimed += [board_id] * bool(rows)
    return found


async def _shown(radio: Radio, address: str) -> list[Receipt]:
    """Return what a board shows to everybody; nothing if it does not."""
    try:
        link = await radio.connect(address, lambda: None)
        try:
            return unpack_receipts(await link.read(wire.RECEIPTS_UUID))
        finally:
            await link.close()
    except (RadioError, ValueError):
        return []


async def _visit(
    radio: Radio, keeper: LedgerKeeper, board_id: int, address: str, key: bytes, clock: Clock
) -> None:
    link = await BoardLink.open(radio, address, board_id, key, secrets.token_bytes, clock)
    try:
        await keeper.sync(link)
    finally:
        await link.close()
