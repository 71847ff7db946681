# SPDX-License-Identifier: MIT
"""PURE: does a ledger's market row follow from what boards signed and metered?

Each check returns one text for each fault that it finds, [] for none.
"""

import struct
from collections import Counter
from functools import partial
from hashlib import sha256

from crowdcharge.ledger.book import Book
from crowdcharge.ledger.kinds import Bargain, MarketRow, MarketTake, Payment
from crowdcharge.ledger.payments import Accounts
from crowdcharge.ledger.signers import Signers
from wptcore import auth, wire
from wptcore.market import WORD_SIZE


def market_faults(market: MarketRow, signers: Signers) -> list[str]:
    """Find commitments that their boards did not sign, and energies that do not balance.

    A void market claims nothing, so nothing can be wrong with it.
    """
    if market.void:
        return []
    found = [
        f"market {market.market_id}: its energy is not signed by board {take.board_id}"
        for take in market.takes
        if not signers.accept(take.board_id, partial(_is_signed, market, take))
    ]
    parts = Counter(take.board_id for take in market.takes)
    found += [
        f"market {market.market_id}: board {board_id} takes part {times} times"
        for board_id, times in sorted(parts.items())
        if times > 1
    ]
    balance_mJ = sum(take.energy_mJ for take in market.takes)
    if market.confirmed and abs(balance_mJ) > len(market.takes):
        found.append(f"market {market.market_id}: its energies are {balance_mJ} mJ out of balance")
    return found


def _is_signed(market: MarketRow, take: MarketTake, key: bytes) -> bool:
    try:
        price = market.price.to_bytes(WORD_SIZE, "little", signed=True)
        session, signature = bytes.fromhex(market.session), bytes.fromhex(take.signature)
        body = wire.pack_take(take.board_id, session, price, take.energy_mJ)
    except (ValueError, struct.error):  # no board could have signed such values
        return False
    return auth.equal(auth.take_tag(sha256, key, body), signature)


def bargain_faults(book: Book, bargain: Bargain) -> list[str]:
    """Find a bargain that is not with the lane, or beyond what the other board committed to."""
    market = book.markets[bargain.market_id]
    takes_mJ = {take.board_id: take.energy_mJ for take in market.takes}
    board_id, sign = bargain.buyer, -1
    if board_id == market.lane:
        board_id, sign = bargain.seller, 1
    fits = sign * takes_mJ.get(board_id, 0) >= bargain.energy_mJ > 0
    if market.void or market.lane not in {bargain.seller, bargain.buyer} or not fits:
        return [f"transfer {bargain.transfer_id} is not what market {bargain.market_id} agreed"]
    return []


def payment_faults(book: Book, accounts: Accounts, payment: Payment) -> list[str]:
    """Find too much or too little paid for a transfer; `payment` is the newest in `accounts`."""
    wrong_u = _unpaid_u(book, accounts, payment.transfer_id)
    if not wrong_u:
        return []
    return [
        f"transfer {payment.transfer_id}: the payments are {wrong_u} micro-credits short of "
        "what its receipts and its bargain say"
    ]


def unpaid(book: Book, accounts: Accounts) -> list[str]:
    """Find what a host left unpaid that was killed before it could pay."""
    left_u = {number: _unpaid_u(book, accounts, number) for number in book.bargains}
    return [f"transfer {number}: {u} micro-credits are owed" for number, u in left_u.items() if u]


def _unpaid_u(book: Book, accounts: Accounts, transfer_id: int) -> int:
    return accounts.unpaid_u(book.bargains[transfer_id], book.transfers[transfer_id])
