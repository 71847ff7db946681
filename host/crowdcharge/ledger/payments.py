# SPDX-License-Identifier: MIT
"""PURE: who owes whom after the metering: pay for what was received, not for what was promised.

A bargain is what two peers agreed: a price, and an energy that the buyer may receive. What is paid
follows from the transfer as the ledger closed it by the signed receipts. Nothing is ever changed:
when a late receipt changes what is due, the difference is one more payment, and both accounts of a
payment are written together, so all accounts add up to zero after every line.
"""

from collections import Counter
from collections.abc import Mapping

from crowdcharge.errors import LedgerError, MarketVoidError
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.kinds import Bargain, Payment
from crowdcharge.ledger.settlement import DISPUTED, ONE_SIDED, OPEN, VOID, TransferRecord
from wptcore.market import FRACTION_BITS, EFFICIENCY_MIN_permille, divide

_mJ_PER_Wh = 3_600_000
_u_PER_UNIT = 1_000_000
EFFICIENCY_MIN = EFFICIENCY_MIN_permille / 1000

PAID, SHORT, WAITING, HELD, NOTHING = "paid", "short", "waiting", "held", "nothing"


def bargains(
    market_id: int,
    price: int,
    lane: tuple[int, int],
    takes_mJ: Mapping[int, int],
    first_transfer_id: int,
    *,
    confirmed: bool = True,
) -> list[Bargain]:
    """Return the bargains of a cleared market between one lane and many boards, in their order.

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


def due_u(bargain: Bargain, received_mJ: int) -> int:
    """Micro-credits for an energy at the bargain's price, to the nearest."""
    return divide(bargain.price * received_mJ * _u_PER_UNIT, _mJ_PER_Wh << FRACTION_BITS)


def outcome(bargain: Bargain, transfer: TransferRecord, efficiency_min: float) -> str:
    """Return what becomes of a bargain after its transfer.

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


def accounts_of(book: Book, market_id: int | None = None) -> "Accounts":
    """Return the accounts as the ledger's payments make them, of one market or of all."""
    accounts = Accounts()
    for payment in book.payments:
        if market_id in {None, book.bargains[payment.transfer_id].market_id}:
            accounts.append(payment)
    return accounts


def payments_due(book: Book) -> list[Payment]:
    """Return the payments that are owed by now and were not made yet; [] when all is paid."""
    accounts = accounts_of(book)
    settled = (
        accounts.settle(bargain, book.transfers[transfer_id])
        for transfer_id, bargain in book.bargains.items()
    )
    return [payment for _, payment in settled if payment is not None]


class Accounts:
    """One append-only account a board. `efficiency_min`: below it a settled transfer is held."""

    def __init__(self, efficiency_min: float = EFFICIENCY_MIN) -> None:
        self._efficiency_min = efficiency_min
        self._balances_u: Counter[int] = Counter()
        self._paid_u: Counter[int] = Counter()

    def settle(self, bargain: Bargain, transfer: TransferRecord) -> tuple[str, Payment | None]:
        """Return the outcome, and the payment added, if any; a second call pays nothing twice.

        LedgerError if the transfer is not the bargain's.
        """
        parties = (transfer.transfer_id, transfer.ptx, transfer.prx)
        if parties != (bargain.transfer_id, bargain.seller, bargain.buyer):
            raise LedgerError(
                f"transfer {transfer.transfer_id} is not what market {bargain.market_id} agreed: "
                f"{transfer.ptx} to {transfer.prx}, not {bargain.seller} to {bargain.buyer}"
            )
        found = outcome(bargain, transfer, self._efficiency_min)
        unpaid_u = self.unpaid_u(bargain, transfer)
        if not unpaid_u:
            return found, None
        payment = Payment(
            bargain.transfer_id, bargain.buyer, bargain.seller, transfer.received_mJ, unpaid_u
        )
        self.append(payment)
        return found, payment

    def unpaid_u(self, bargain: Bargain, transfer: TransferRecord) -> int:
        """Return what the buyer owes as the transfer stands, less what was paid for it already."""
        pays = outcome(bargain, transfer, self._efficiency_min) in {PAID, SHORT}
        owed_u = due_u(bargain, transfer.received_mJ) if pays else 0
        return owed_u - self.paid_u(bargain.transfer_id)

    def paid_u(self, transfer_id: int) -> int:
        return self._paid_u[transfer_id]

    def append(self, payment: Payment) -> None:
        """Write one payment on the accounts of both boards."""
        self._balances_u[payment.payer] -= payment.amount_u
        self._balances_u[payment.payee] += payment.amount_u
        self._paid_u[payment.transfer_id] += payment.amount_u

    def balance_u(self, board_id: int) -> int:
        return self._balances_u[board_id]

    def balances_u(self) -> dict[int, int]:
        return dict(self._balances_u)
