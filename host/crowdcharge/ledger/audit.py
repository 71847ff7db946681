# SPDX-License-Identifier: MIT
"""PURE: does a ledger's market row follow from what boards signed and metered?

Each check returns one text for each fault that it finds, [] for none.
"""

import struct
from functools import partial
from hashlib import sha256

from crowdcharge.ledger.book import Book
from crowdcharge.ledger.kinds import Bargain, MarketRow, MarketTake, Payment
from crowdcharge.ledger.payments import accounts_of
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


def payment_faults(book: Book, payment: Payment) -> list[str]:
    """Find too much or too little paid for a transfer; `payment` is the newest in the book."""
    wrong_u = _unpaid_u(book).get(payment.transfer_id)
    if not wrong_u:
        return []
    return [
        f"transfer {payment.transfer_id}: the payments are {wrong_u} micro-credits short of "
        "what its receipts and its bargain say"
    ]


def unpaid(book: Book) -> list[str]:
    """Find what a host left unpaid that was killed before it could pay."""
    return [
        f"transfer {transfer_id}: {left_u} micro-credits are owed"
        for transfer_id, left_u in _unpaid_u(book).items()
    ]


def _unpaid_u(book: Book) -> dict[int, int]:
    """By transfer, without those that are paid."""
    accounts = accounts_of(book)
    owed_u = {
        transfer_id: accounts.unpaid_u(bargain, book.transfers[transfer_id])
        for transfer_id, bargain in book.bargains.items()
    }
    return {transfer_id: left_u for transfer_id, left_u in owed_u.items() if left_u}
