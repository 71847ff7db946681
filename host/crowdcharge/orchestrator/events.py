# SPDX-License-Identifier: MIT
"""Events that the orchestrator emits; the command line draws them, tests wait for them."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from crowdcharge.boards.fleet import BoardView


@dataclass(frozen=True, slots=True)
class BoardSeen:
    """The first beacon of a board, or the first after it was lost."""

    time_s: float
    view: BoardView


@dataclass(frozen=True, slots=True)
class BoardLost:
    time_s: float
    board_id: int


@dataclass(frozen=True, slots=True)
class BoardReading:
    """A board's own, authenticated state."""

    time_s: float
    board_id: int
    soc_permille: int | None


@dataclass(frozen=True, slots=True)
class TransferStarted:
    """`group_id` 0: a pair; else `group_rule` says how the group shares (wptcore.shares)."""

    time_s: float
    transfer_id: int
    ptx: int
    prx: int
    energy_max_mJ: int
    group_id: int = 0
    group_rule: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """Power, energy and charge of both sides, from their last Acks.

    `sent_age_s` and `received_age_s`: how long ago that side spoke; None before its first word.
    """

    time_s: float
    transfer_id: int
    ptx: int
    prx: int
    sent_mW: int
    received_mW: int
    sent_mJ: int
    received_mJ: int
    ptx_soc_permille: int | None
    prx_soc_permille: int | None
    sent_age_s: float | None = None
    received_age_s: float | None = None


@dataclass(frozen=True, slots=True)
class TransferEnded:
    """Why each side ended, by EPT name; None for a side that could not be asked."""

    time_s: float
    transfer_id: int
    ptx: int
    prx: int
    ept_ptx: str | None
    ept_prx: str | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A board said no to a command."""

    time_s: float
    board_id: int
    transfer_id: int
    code: int
    name: str


@dataclass(frozen=True, slots=True)
class Settled:
    """A transfer got a new state in the ledger."""

    time_s: float
    transfer_id: int
    state: str
    sent_mJ: int
    received_mJ: int
    loss_mJ: int


@dataclass(frozen=True, slots=True)
class FaultRaised:
    time_s: float
    board_id: int
    code: int
    name: str


@dataclass(frozen=True, slots=True)
class FaultCleared:
    time_s: float
    board_id: int
    code: int
    name: str


@dataclass(frozen=True, slots=True)
class MarketAsked:
    """A question of a market; `price` in credits/Wh, None: the first, without one."""

    time_s: float
    round_no: int
    price: float | None


@dataclass(frozen=True, slots=True)
class MarketCleared:
    """The energy that each board committed to; above 0 it sells."""

    time_s: float
    price: float
    energies_mJ: dict[int, int]


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment in micro-credits; below 0 takes an earlier one back."""

    time_s: float
    transfer_id: int
    payer: int
    payee: int
    amount_u: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something failed and will be tried again; `board_id` 0: not about one board.

    `kind` is the name of the error's class, or empty where there was none.
    """

    time_s: float
    board_id: int
    text: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a person may want to read, and that is no failure."""

    time_s: float
    text: str


Event = (
    BoardSeen
    | BoardLost
    | BoardReading
    | TransferStarted
    | Progress
    | TransferEnded
    | Refused
    | Settled
    | FaultRaised
    | FaultCleared
    | MarketAsked
    | MarketCleared
    | Paid
    | Trouble
    | Note
)
Emit = Callable[[Event], None]


def as_record(event: Event) -> dict[str, Any]:
    """Return the event as JSON has it: its kind under "event", then its fields by their names."""
    record: dict[str, Any] = {"event": type(event).__name__}
    if isinstance(event, BoardSeen):
        view = event.view
        return record | {
            "time_s": event.time_s,
            "board_id": view.board_id,
            "address": view.address,
            "rssi_dBm": view.rssi_dBm,
        }
    return record | asdict(event)
