# SPDX-License-Identifier: MIT
"""PURE: who owes whom after the metering. Pay for what was received, not for what was promised.

A bargain is what two peers agreed: a price, and an energy that the buyer may receive. What is paid
follows from the transfer as the ledger closed it by the signed receipts. Nothing is ever changed:
when a late receipt changes what is due, the difference is one more payment, and both accounts of a
payment are written together, so all accounts add up to zero after every line.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from crowdcharge.errors import LedgerError, MarketVoidError
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.rows import Body, Draft
from crowdcharge.ledger.settlement import DISPUTED, ONE_SIDED, OPEN, VOID, TransferRecord
from wptcore.market import FRACTION_BITS, EFFICIENCY_MIN_permille, divide

_mJ_PER_Wh = 3_600_000
_u_PER_UNIT = 1_000_000

PAID, SHORT, WAITING, HELD, NOTHING = "paid", "short", "waiting", "held", "nothing"


@dataclass(frozen=True, slots=True)
class Bargain:
    """`price`: credits/Wh with wptcore.market's fraction bits; `energy_mJ` at the buyer."""

    market_id: int
    transfer_id: int
    seller: int
    buyer: int
    price: int
    energy_mJ: int


def bargains(
    market_id: int,
    price: int,
    lane: tuple[int, int],
    takes_mJ: Mapping[int, int],
    first_transfer_id: int,
    *,
    confirmed: bool = True,
) -> list[Bargain]:
    """The bargains of a cleared market between one lane and many boards, in the boards' order.

    `lane` is (board id, energy it committed to), `takes_mJ` what each board committed to at this
    price; above 0 sells. A peer whose answers and energy do not belong together leaves them out of
    balance: MarketVoidError, nobody trades, and nobody can tell who it was. A price that is not
    confirmed has lost a peer, so its balance says nothing; then the lane serves the others.
    """
    lane_id, lane_mJ = lane
    balance_mJ = lane_mJ + sum(takes_mJ.values())
    if confirmed and abs(balance_mJ) > len(takes_mJ) + 1:
        raise MarketVoidError(
            f"market {market_id} is void: the committed energies are {balance_mJ} mJ out of "
            "balance, so a peer's answers were not those of its energy"
        )
    traded = [(board, take_mJ) for board, take_mJ in takes_mJ.items() if take_mJ]
    return [
        Bargain(
            market_id,
            transfer_id,
            board if take_mJ > 0 else lane_id,
            lane_id if take_mJ > 0 else board,
            price,
            abs(take_mJ),
        )
        for transfer_id, (board, take_mJ) in enumerate(traded, start=first_transfer_id)
    ]


@dataclass(frozen=True, slots=True)
class Payment:
    """From the buyer to the seller, in micro-credits; below 0 it takes an earlier one back."""

    bargain: Bargain
    received_mJ: int
    amount_u: int


def due_u(bargain: Bargain, received_mJ: int) -> int:
    """Micro-credits for an energy at the bargain's price, to the nearest."""
    return divide(bargain.price * received_mJ * _u_PER_UNIT, _mJ_PER_Wh << FRACTION_BITS)


def outcome(bargain: Bargain, transfer: TransferRecord, efficiency_min: float) -> str:
    """What becomes of a bargain after its transfer:

    paid     as bought, or more: the board's own budget ends a transfer within one sample
    short    less was received than bought; the buyer pays for that and owes nothing for the rest
    waiting  no receipt of the buyer yet
    held     the receipts contradict each other, or more is lost than the coils can lose; the
             owners must look: a receiver that meters too little looks like this
    nothing  no energy flowed
    """
    if transfer.state in {OPEN, ONE_SIDED} and transfer.ept_prx is None:
        return WAITING
    if transfer.state == VOID:
        return NOTHING
    believable = transfer.received_mJ >= efficiency_min * transfer.sent_mJ
    if transfer.state == DISPUTED or not believable:
        return HELD
    if not transfer.received_mJ:
        return NOTHING
    return PAID if transfer.received_mJ >= bargain.energy_mJ else SHORT


EFFICIENCY_MIN = EFFICIENCY_MIN_permille / 1000


def bargain_of(body: Body) -> Bargain:
    """A stored bargain."""
    return Bargain(**body)


def accounts_of(book: Book, market_id: int | None = None) -> "Accounts":
    """The accounts as the ledger's payments make them, of one market or of all."""
    accounts = Accounts()
    for body in book.payments:
        bargain = bargain_of(book.bargains[body["transfer_id"]])
        if market_id not in {None, bargain.market_id}:
            continue
        accounts.append(Payment(bargain, body["received_mJ"], body["amount_u"]))
    return accounts


def payments_due(book: Book) -> list[Draft]:
    """The rows that pay what is owed by now and was not paid yet; [] when all is paid."""
    accounts = accounts_of(book)
    rows: list[Draft] = []
    for transfer_id, body in book.bargains.items():
        _, payment = accounts.settle(bargain_of(body), book.transfers[transfer_id])
        if payment is not None:
            rows.append(payment_row(payment))
    return rows


def payment_row(payment: Payment) -> Draft:
    bargain = payment.bargain
    return (
        "payment",
        {
            "transfer_id": bargain.transfer_id,
            "payer": bargain.buyer,
            "payee": bargain.seller,
            "received_mJ": payment.received_mJ,
            "amount_u": payment.amount_u,
        },
    )


class Accounts:
    """One append-only account a board. `efficiency_min`: below it a settled transfer is held."""

    def __init__(self, efficiency_min: float = EFFICIENCY_MIN) -> None:
        self._efficiency_min = efficiency_min
        self._payments: list[Payment] = []
        self._balances_u: Counter[int] = Counter()
        self._paid_u: Counter[int] = Counter()

    def settle(self, bargain: Bargain, transfer: TransferRecord) -> tuple[str, Payment | None]:
        """The outcome, and the payment that was written, if any. Calling again pays nothing twice.

        LedgerError if the transfer is not the bargain's.
        """
        parties = (transfer.transfer_id, transfer.ptx, transfer.prx)
        if parties != (bargain.transfer_id, bargain.seller, bargain.buyer):
            raise LedgerError(
                f"transfer {transfer.transfer_id} is not what market {bargain.market_id} agreed: "
                f"{transfer.ptx} to {transfer.prx}, not {bargain.seller} to {bargain.buyer}"
            )
        found = outcome(bargain, transfer, self._efficiency_min)
        difference_u = self.owed_u(bargain, transfer) - self.paid_u(bargain.transfer_id)
        if not difference_u:
            return found, None
        payment = Payment(bargain, transfer.received_mJ, difference_u)
        self.append(payment)
        return found, payment

    def owed_u(self, bargain: Bargain, transfer: TransferRecord) -> int:
        """What the buyer owes in all, as the transfer stands."""
        pays = outcome(bargain, transfer, self._efficiency_min) in {PAID, SHORT}
        return due_u(bargain, transfer.received_mJ) if pays else 0

    def paid_u(self, transfer_id: int) -> int:
        return self._paid_u[transfer_id]

    def append(self, payment: Payment) -> None:
        """One line, two accounts: also how stored payments are read back."""
        bargain = payment.bargain
        self._payments.append(payment)
        self._balances_u[bargain.buyer] -= payment.amount_u
        self._balances_u[bargain.seller] += payment.amount_u
        self._paid_u[bargain.transfer_id] += payment.amount_u

    def balance_u(self, board_id: int) -> int:
        return self._balances_u[board_id]

    def balances_u(self) -> dict[int, int]:
        return dict(self._balances_u)

    def statement(self, board_id: int) -> list[Payment]:
        """All that was ever written on this account, oldest first."""
        return [
            payment
            for payment in self._payments
            if board_id in {payment.bargain.buyer, payment.bargain.seller}
        ]
