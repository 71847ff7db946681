# SPDX-License-Identifier: MIT
"""PURE: does a ledger's market row follow from what boards signed and metered? [] if it does."""

from functools import partial
from hashlib import sha256

from crowdcharge.ledger.book import Book
from crowdcharge.ledger.payments import Accounts, accounts_of, bargain_of
from crowdcharge.ledger.rows import Body
from crowdcharge.ledger.signers import Signers
from wptcore import auth, wire
from wptcore.market import WORD_SIZE


def market_faults(market: Body, signers: Signers) -> list[str]:
    """Commitments that their boards did not sign, and energies that do not balance; of a void
    market nothing is believed, so nothing is wrong."""
    if market["void"]:
        return []
    number, takes = market["market_id"], market["takes"]
    found = [
        f"market {number}: its energy is not signed by board {take['board_id']}"
        for take in takes
        if not signers.accept(take["board_id"], partial(_is_signed, market, take))
    ]
    balance_mJ = sum(take["energy_mJ"] for take in takes)
    if market["confirmed"] and abs(balance_mJ) > len(takes):
        found.append(f"market {number}: its energies are {balance_mJ} mJ out of balance")
    return found


def _is_signed(market: Body, take: Body, key: bytes) -> bool:
    price = market["price"].to_bytes(WORD_SIZE, "little", signed=True)
    session = bytes.fromhex(market["session"])
    body = wire.pack_take(take["board_id"], session, price, take["energy_mJ"])
    return auth.equal(auth.take_tag(sha256, key, body), bytes.fromhex(take["signature"]))


def bargain_faults(book: Book, bargain: Body) -> list[str]:
    """More, or another direction, than the board committed to; or not with the lane."""
    market = book.markets[bargain["market_id"]]
    takes = {take["board_id"]: take["energy_mJ"] for take in market["takes"]}
    board_id, sign = bargain["buyer"], -1
    if board_id == market["lane"]:
        board_id, sign = bargain["seller"], 1
    fits = sign * takes.get(board_id, 0) >= bargain["energy_mJ"] > 0
    if market["void"] or market["lane"] not in {bargain["seller"], bargain["buyer"]} or not fits:
        return [
            f"transfer {bargain['transfer_id']} is not what market {bargain['market_id']} agreed"
        ]
    return []


def payment_faults(book: Book, payment: Body) -> list[str]:
    """`payment` is the newest in the book: with it, all that is owed is paid and no more."""
    accounts = accounts_of(book)
    wrong_u = _unpaid_u(book, accounts, payment["transfer_id"])
    if not wrong_u:
        return []
    return [
        f"transfer {payment['transfer_id']}: the payments are {wrong_u} micro-credits short of "
        "what its receipts and its bargain say"
    ]


def unpaid(book: Book) -> list[str]:
    """What a host that was killed before it could pay has left."""
    accounts = accounts_of(book)
    owed = [(each, _unpaid_u(book, accounts, each)) for each in book.bargains]
    return [f"transfer {each}: {left_u} micro-credits are owed" for each, left_u in owed if left_u]


def _unpaid_u(book: Book, accounts: Accounts, transfer_id: int) -> int:
    bargain = bargain_of(book.bargains[transfer_id])
    return accounts.owed_u(bargain, book.transfers[transfer_id]) - accounts.paid_u(transfer_id)
