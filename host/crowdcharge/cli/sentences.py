# SPDX-License-Identifier: MIT
"""What a person reads about an event: one line, with the boards' own time."""

from collections.abc import Callable
from typing import Any

from crowdcharge.boards import codes
from crowdcharge.orchestrator.events import (
    BoardLost,
    BoardReading,
    BoardSeen,
    Event,
    FaultCleared,
    FaultRaised,
    MarketAsked,
    MarketCleared,
    Note,
    Paid,
    Progress,
    Refused,
    Settled,
    TransferEnded,
    TransferStarted,
    Trouble,
)


def sentence(event: Event) -> str | None:
    """One line for a person, or None for an event that only changes the picture."""
    if isinstance(event, Settled) and not event.sent_mJ:
        return None  # refused or never begun, which was reported already
    for kind, text in _SENTENCES.items():
        if isinstance(event, kind):
            return f"{event.time_s:7.1f} s  {text(event)}"
    return None


def detail(event: Event) -> str | None:
    """One line about an event that only changes the picture; None for other kinds."""
    for kind, text in _DETAILS.items():
        if isinstance(event, kind):
            return f"{event.time_s:7.1f} s  {text(event)}"
    return None


def _trouble(event: Trouble) -> str:
    """Name the board, unless the text does so already."""
    board = f"board {event.board_id}"
    if not event.board_id or board in event.text:
        return event.text
    return f"{board}: {event.text}"


def _started(event: TransferStarted) -> str:
    receiver = f"to {event.prx}" if event.prx else "to find who lies on it"
    most = joules(event.energy_max_mJ)
    return f"{event.ptx} {receiver}: transfer {event.transfer_id}, up to {most}"


def _ended(event: TransferEnded) -> str:
    """Name the reason of the side that ended it; the other side only followed."""
    sides = ((event.ptx, event.ept_ptx), (event.prx, event.ept_prx))
    causes = [side for side in sides if side[1] != "PEER_ENDED"] or sides
    reasons = ", ".join(f"{_plain(name)} (board {board_id})" for board_id, name in causes)
    return f"transfer {event.transfer_id} ended: {reasons}"


def _settled(event: Settled) -> str:
    return (
        f"transfer {event.transfer_id} {event.state}: {joules(event.sent_mJ)} sent, "
        f"{joules(event.received_mJ)} received, {joules(event.loss_mJ)} lost"
    )


def _asked(event: MarketAsked) -> str:
    price = "" if event.price is None else f" at {event.price:.6g} credits/Wh"
    return f"market, question {event.round_no + 1}: what would you all trade{price}?"


def _cleared(event: MarketCleared) -> str:
    trades = ", ".join(
        f"{board_id} {'sells' if energy_mJ > 0 else 'buys'} {joules(abs(energy_mJ))}"
        for board_id, energy_mJ in event.energies_mJ.items()
    )
    return f"market cleared at {event.price:.6g} credits/Wh: {trades}"


_SENTENCES: dict[type, Callable[[Any], str]] = {
    BoardLost: lambda event: f"board {event.board_id} is out of sight",
    TransferStarted: _started,
    TransferEnded: _ended,
    Refused: lambda event: f"board {event.board_id} refused: {_plain(event.name)}",
    Settled: _settled,
    MarketAsked: _asked,
    MarketCleared: _cleared,
    Paid: lambda event: (
        f"transfer {event.transfer_id}: {event.payer} pays {event.payee} "
        f"{event.amount_u / 1e6:.6f} credits"
    ),
    FaultRaised: lambda event: f"board {event.board_id} fault: {_plain(event.name)}",
    FaultCleared: lambda event: f"board {event.board_id} cleared: {_plain(event.name)}",
    Trouble: _trouble,
    Note: lambda event: event.text,
}
_DETAILS: dict[type, Callable[[Any], str]] = {
    BoardSeen: lambda event: f"board {event.view.board_id} is heard",
    BoardReading: lambda event: f"board {event.board_id}: charge {_share(event.soc_permille)}",
    Progress: lambda event: (
        f"transfer {event.transfer_id}: {event.ptx} sends {event.sent_mW / 1000:.2f} W, "
        f"{joules(event.sent_mJ)}; {event.prx} receives {event.received_mW / 1000:.2f} W, "
        f"{joules(event.received_mJ)}"
    ),
}
_CODES = {name: code for code, name in codes.NAMES.items()}


def _plain(name: str | None) -> str:
    if name is None:
        return "could not be asked"
    return codes.text(_CODES[name]) if name in _CODES else name


def joules(energy_mJ: int) -> str:
    return f"{energy_mJ / 1000:.2f} J"


def _share(soc_permille: int | None) -> str:
    return "unknown" if soc_permille is None else f"{soc_permille / 10:.1f} %"
