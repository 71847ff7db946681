# SPDX-License-Identifier: MIT
"""PURE: the run in one JSON document, from the book alone."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from crowdcharge.boards import codes
from crowdcharge.ledger import kinds
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.payments import (
    EFFICIENCY_MIN,
    Accounts,
    accounts_of,
    outcome,
)
from crowdcharge.ledger.rows import account_of
from crowdcharge.ledger.settlement import SETTLED, VOID, TransferRecord
from crowdcharge.metrics import imbalance
from crowdcharge.units import permille_to_pct
from wptcore import ept
from wptcore.market import FRACTION_BITS

Summary = dict[str, Any]


def summarise(book: Book) -> Summary:
    """`summary.json`. Pings count in the energies, but are no transfers between boards.

    Only settled ones count in the efficiency, because elsewhere a receipt is missing or two
    contradict each other; `unsettled` says how many those are and what is booked for them.
    """
    return {
        "boards": [_board(book, board_id) for board_id in sorted(book.first_reading)],
        "transfers": [_transfer(transfer) for transfer in _between_boards(book)],
        **totals(book),
        **_run(book),
        "markets": [_market(book, market) for market in book.markets.values()],
    }


def totals(book: Book) -> Summary:
    """Return what the whole ledger adds up to."""
    transfers, between = book.transfers.values(), _between_boards(book)
    return {
        "sent_mJ": sum(transfer.sent_mJ for transfer in transfers),
        "received_mJ": sum(transfer.received_mJ for transfer in transfers),
        "loss_mJ": book.balances_mJ.get("loss", 0),
        "efficiency": _efficiency([each for each in transfers if each.state == SETTLED]),
        "unsettled": _unsettled([each for each in between if each.state != SETTLED]),
        "floor_cutoffs": sum(each.ept_ptx == ept.FLOOR for each in between),
        "refusals": book.refusals,
        "imbalance_before": imbalance(_levels(book.first_reading)),
        "imbalance_after": imbalance(_levels(book.last_reading)),
    }


def _between_boards(book: Book) -> list[TransferRecord]:
    return [each for each in book.transfers.values() if each.prx and each.state != VOID]


def _efficiency(settled: Sequence[TransferRecord]) -> float | None:
    sent_mJ = sum(transfer.sent_mJ for transfer in settled)
    return sum(transfer.received_mJ for transfer in settled) / sent_mJ if sent_mJ else None


def _unsettled(transfers: Sequence[TransferRecord]) -> Summary:
    """Count the transfers that are not settled by state, and what is booked for them."""
    return {
        "states": dict(sorted(Counter(transfer.state for transfer in transfers).items())),
        "sent_mJ": sum(transfer.sent_mJ for transfer in transfers),
        "received_mJ": sum(transfer.received_mJ for transfer in transfers),
    }


def unsettled_words(summary: Summary) -> str:
    """Return what a closing line adds if some transfers are not settled, or an empty string."""
    unsettled = summary["unsettled"]
    states = ", ".join(f"{count} {state}" for state, count in unsettled["states"].items())
    booked = f"{unsettled['sent_mJ']} mJ sent, {unsettled['received_mJ']} received"
    return f" (without {states}: {booked})" if states else ""


def closing_words(summary: Summary, where: str = "") -> str:
    """Return the line that ends a run; `where`: what the transfers are counted in."""
    efficiency = summary["efficiency"]
    return (
        f"{len(summary['transfers'])} transfers{where}"
        + (f", efficiency {efficiency:.1%}" if efficiency is not None else "")
        + f"{unsettled_words(summary)}, "
        f"imbalance {summary['imbalance_before']:.3f} -> {summary['imbalance_after']:.3f}, "
        f"{summary['floor_cutoffs']} cut off at the floor, {summary['refusals']} refused."
    )


def _run(book: Book) -> Summary:
    """Describe the newest run; all None in a ledger without one."""
    run = book.runs[-1] if book.runs else None
    return {name: getattr(run, name, None) for name in ("policy", "seed", "vm")}


def _levels(readings: dict[int, kinds.Reading]) -> list[float]:
    socs = (reading.soc_permille for reading in readings.values())
    return [soc for soc in socs if soc is not None]


def _board(book: Book, board_id: int) -> Summary:
    before, after = book.first_reading[board_id], book.last_reading[board_id]
    mine = book.transfers.values()
    return {
        "board_id": board_id,
        "soc_before_pct": _pct(before.soc_permille),
        "soc_after_pct": _pct(after.soc_permille),
        "sent_mJ": sum(transfer.sent_mJ for transfer in mine if transfer.ptx == board_id),
        "received_mJ": sum(transfer.received_mJ for transfer in mine if transfer.prx == board_id),
        "balance_mJ": book.balances_mJ.get(account_of(board_id), 0),
        "capacity_mJ": after.capacity_mJ,
        "epoch": after.epoch,
    }


def _transfer(transfer: TransferRecord) -> Summary:
    return {
        "transfer_id": transfer.transfer_id,
        "ptx": transfer.ptx,
        "prx": transfer.prx,
        "sent_mJ": transfer.sent_mJ,
        "received_mJ": transfer.received_mJ,
        "ept_ptx": codes.end_name(transfer.ept_ptx),
        "ept_prx": codes.end_name(transfer.ept_prx),
        "state": transfer.state,
    }


def _market(book: Book, market: kinds.MarketRow) -> Summary:
    """Describe a market: prices in credits/Wh, amounts in credits, boards as in its accounts."""
    number = market.market_id
    accounts = accounts_of(book, number)
    mine = [bargain for bargain in book.bargains.values() if bargain.market_id == number]
    return {
        "market_id": number,
        "lane": market.lane,
        "price_per_Wh": market.price / (1 << FRACTION_BITS),
        "confirmed": market.confirmed,
        "void": market.void,
        "energies_mJ": {str(take.board_id): take.energy_mJ for take in market.takes},
        "bargains": [_bargain(book, accounts, bargain) for bargain in mine],
        "accounts": {
            str(take.board_id): accounts.balance_u(take.board_id) / 1e6 for take in market.takes
        },
    }


def _bargain(book: Book, accounts: Accounts, bargain: kinds.Bargain) -> Summary:
    transfer = book.transfers[bargain.transfer_id]
    return {
        "transfer_id": bargain.transfer_id,
        "seller": bargain.seller,
        "buyer": bargain.buyer,
        "energy_mJ": bargain.energy_mJ,
        "received_mJ": transfer.received_mJ,
        "outcome": outcome(bargain, transfer, EFFICIENCY_MIN),
        "paid": accounts.paid_u(bargain.transfer_id) / 1e6,
    }


def _pct(soc_permille: int | None) -> float | None:
    return None if soc_permille is None else permille_to_pct(soc_permille)
