# SPDX-License-Identifier: MIT
"""PURE: the kinds of row of a ledger, each a frozen dataclass of what such a row says.

A field here is a field of the row's JSON body, a column of the kind's view (`VIEWS`)
and a word in docs/reference/ledger.md. The order of the fields is the order of the columns. A
field with a default is left out of the body while it has that value: some ledgers lack it.

`role` is wptcore.wire.PTX or PRX, `t_ms` the boards' clock since the start of the run, and `code`
an EPT or refusal code of wptcore.ept. Import this module, not its names: `kinds.ReceiptRow` is the
row, `boards.models.Receipt` is what a board signed.
"""

from dataclasses import Field, dataclass, field, fields
from typing import Any

# A field that came after the first ledgers: their views may not change, so it is in the body only.
NO_COLUMN = {"column": False}


@dataclass(frozen=True, slots=True)
class Run:
    """A host started."""

    policy: str
    seed: int | None
    vm: str | None
    started_unix_s: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A board's own state: its charge, and its two odometers."""

    board_id: int
    epoch: int
    soc_permille: int | None
    sent_mJ: int
    received_mJ: int
    capacity_mJ: int
    t_ms: int


@dataclass(frozen=True, slots=True)
class Open:
    """A transfer, written before any board is asked. `prx` 0: a ping, which has no receiver."""

    transfer_id: int
    ptx: int
    prx: int
    energy_max_mJ: int
    power_max_mW: int
    t_ms: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A board refused a grant."""

    transfer_id: int
    board_id: int
    code: int
    name: str
    t_ms: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A moment of a transfer, for plots."""

    transfer_id: int
    board_id: int
    role: int
    t_ms: int
    power_mW: int
    energy_mJ: int
    soc_permille: int | None
    coil_dC: int


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """What one board metered. `raw` is in hex what it signed, the rest shows that in clear.

    Receipts of wire version 1 have neither `group_id` nor `granter` nor `flags`.
    """

    board_id: int
    epoch: int
    transfer_id: int
    role: int
    peer: int
    energy_mJ: int
    duration_ms: int
    peak_mW: int
    peak_dC: int
    ept: int
    soc_before_permille: int | None
    soc_after_permille: int | None
    odometer_mJ: int
    raw: str
    group_id: int | None = field(default=None, metadata=NO_COLUMN)
    granter: int | None = field(default=None, metadata=NO_COLUMN)
    flags: int | None = field(default=None, metadata=NO_COLUMN)


@dataclass(frozen=True, slots=True)
class Gap:
    """Energy between two receipts of a board that no receipt in this ledger explains."""

    board_id: int
    role: int
    epoch: int
    from_mJ: int
    to_mJ: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a posting."""

    transfer_id: int
    account: str
    amount_mJ: int


@dataclass(frozen=True, slots=True)
class State:
    """Where a transfer stands from here on."""

    transfer_id: int
    state: str
    ept_ptx: int | None
    ept_prx: int | None


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that a board raised or cleared."""

    board_id: int
    code: int
    name: str
    raised: bool
    t_ms: int


@dataclass(frozen=True, slots=True)
class MarketTake:
    """The energy that a board committed to in a market, above 0 sells; `signature` in hex."""

    board_id: int
    energy_mJ: int
    signature: str


@dataclass(frozen=True, slots=True)
class MarketRow:
    """Boards agreed on a price, or `void` says why not.

    `price`: credits/Wh with wptcore.market's fraction bits; `session` in hex.
    """

    market_id: int
    session: str
    lane: int
    price: int
    confirmed: bool
    takes: tuple[MarketTake, ...]
    void: str
    t_ms: int


@dataclass(frozen=True, slots=True)
class Bargain:
    """A transfer is a sale at its market's price. `energy_mJ` is what the buyer may receive."""

    market_id: int
    transfer_id: int
    seller: int
    buyer: int
    price: int
    energy_mJ: int


@dataclass(frozen=True, slots=True)
class Payment:
    """From the buyer to the seller, in micro-credits; below 0 it takes an earlier one back."""

    transfer_id: int
    payer: int
    payee: int
    received_mJ: int
    amount_u: int


@dataclass(frozen=True, slots=True)
class Meter:
    """What the meter in the cell's lead shows: at rest, or of a donor once in a transfer.

    `transfer_id` 0: at rest; `energy_mJ`: given in the transfer so far; a current above 0 leaves
    the cell.
    """

    board_id: int
    transfer_id: int
    t_ms: int
    soc_permille: int | None
    energy_mJ: int
    bus_mV: int
    current_mA: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A receipt that nobody here can check, as its board shows it to everybody.

    It settles nothing. `raw` is in hex what the board says that it signed.
    """

    board_id: int
    transfer_id: int
    role: int
    peer: int
    energy_mJ: int
    raw: str
    t_ms: int


@dataclass(frozen=True, slots=True)
class Member:
    """A transfer is one of a group: several receivers of one transmitter.

    The transmitter signs one receipt for all, under `head_id`, the group's first transfer.
    `rule`: how the budget was shared (wptcore.shares).
    """

    transfer_id: int
    head_id: int
    group_id: int
    rule: str


@dataclass(frozen=True, slots=True)
class SiteRow:
    """Whose ledger this is among several: `number` is in the numbers of its transfers."""

    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Passed:
    """A receipt of a transfer opened here, as another site found it on the board.

    `finder` is that site. `raw` is in hex what the board signed, as in a receipt's row.
    """

    finder: str
    board_id: int
    transfer_id: int
    role: int
    energy_mJ: int
    raw: str


@dataclass(frozen=True, slots=True)
class Reward:
    """From here on transfers earn by this rule (`reward.RULES`) in the accounts of this crowd.

    `allowance_mJ`: how far below zero a board's balance may go.
    """

    crowd: str
    rule: str
    allowance_mJ: int


@dataclass(frozen=True, slots=True)
class Credit:
    """What a settled transfer earned its giver, and what its taker owes the crowd for it."""

    transfer_id: int
    crowd: str
    debtor: int
    creditor: int
    amount_mJ: int


Content = (
    Run
    | Reading
    | Open
    | Refusal
    | Sample
    | ReceiptRow
    | Gap
    | Entry
    | State
    | Fault
    | MarketRow
    | Bargain
    | Payment
    | Meter
    | Claim
    | Member
    | SiteRow
    | Passed
    | Reward
    | Credit
)

KINDS: dict[str, type[Content]] = {
    "run": Run,
    "reading": Reading,
    "open": Open,
    "refusal": Refusal,
    "sample": Sample,
    "receipt": ReceiptRow,
    "gap": Gap,
    "entry": Entry,
    "state": State,
    "fault": Fault,
    "market": MarketRow,
    "bargain": Bargain,
    "payment": Payment,
    "meter": Meter,
    "claim": Claim,
    "member": Member,
    "site": SiteRow,
    "passed": Passed,
    "reward": Reward,
    "credit": Credit,
}


def kind_of(content: Content) -> str:
    return _KIND_OF[type(content)]


_KIND_OF = {of_kind: kind for kind, of_kind in KINDS.items()}


VIEWS = {
    "transfers": "open",
    "states": "state",
    "receipts": "receipt",
    "entries": "entry",
    "samples": "sample",
    "readings": "reading",
    "refusals": "refusal",
    "faults": "fault",
    "markets": "market",
    "bargains": "bargain",
    "payments": "payment",
}


def columns(kind: str) -> list[Field[Any]]:
    """Return the fields of a kind that its view shows."""
    return [each for each in fields(KINDS[kind]) if each.metadata.get("column", True)]
