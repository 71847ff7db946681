# SPDX-License-Identifier: MIT
"""PURE: credits for energy that was given: what you gave, you may take.

A rule says what a settled transfer earns its giver, from the two energies that both boards have
signed. What one board gains its partner loses, so the credits of a crowd add up to zero after
every row, and boards that pass energy round a circle gain nothing. A board may take its balance
and the crowd's allowance, less what it has taken and nobody was credited for yet: who withholds a
receipt, contradicts its partner or meters too little earns its partner nothing, and takes no more
by it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from crowdcharge.ledger import kinds
from crowdcharge.ledger.rows import account_of
from crowdcharge.ledger.settlement import OPEN, SETTLED, VOID, TransferRecord
from wptcore.market import EFFICIENCY_MIN_permille

NONE = "none"
# What was sent and what was received, by the receipts, to what the giver earns; all in mJ.
RULES: dict[str, Callable[[int, int], int]] = {
    NONE: lambda _sent_mJ, _received_mJ: 0,
    "received": min,
}


def is_plausible(sent_mJ: int, received_mJ: int) -> bool:
    """Tell whether coils can lose no more than the receipts say (EFFICIENCY_MIN_permille)."""
    return received_mJ * 1000 >= sent_mJ * EFFICIENCY_MIN_permille


def uncredited_mJ(transfer: TransferRecord) -> int:
    """Return what counts as taken while nobody was credited for a transfer.

    All that may flow, until a receipt is here. Then what the receiver signed, but no less than an
    honest one would have, as far as its budget goes: everything that was sent while its receipt is
    missing, and what the worst coils let through of that once it is here.
    """
    if transfer.state == OPEN:
        return transfer.energy_max_mJ
    plausible = is_plausible(transfer.sent_mJ, transfer.received_mJ)
    if transfer.state == VOID or (transfer.state == SETTLED and plausible):
        return 0
    least_mJ = transfer.sent_mJ
    if transfer.ept_prx is not None:
        least_mJ = least_mJ * EFFICIENCY_MIN_permille // 1000
    return max(transfer.received_mJ, min(least_mJ, transfer.energy_max_mJ))


def changed(stands: kinds.Reward | None, wanted: kinds.Reward | None) -> list[kinds.Reward]:
    """Return the row that makes `wanted` the rule; None: no transfer earns anything any more."""
    if wanted is None:
        wanted = replace(stands, rule=NONE) if stands else None
    return [wanted] if wanted and wanted != stands else []


@dataclass(frozen=True, slots=True)
class Standing:
    """A board in a crowd: what it gave less what it took, what it holds, what it may take now.

    `takes_mJ` None: no rule bounds it.
    """

    crowd: str
    board_id: int
    balance_mJ: int
    held_mJ: int
    takes_mJ: int | None


@dataclass(slots=True)
class Credits:
    """The credits of each crowd; a transfer earns by the rule under which it was opened."""

    reward: kinds.Reward | None = None
    balances_mJ: dict[str, Counter[int]] = field(default_factory=dict)  # by crowd, by board
    _rewards: dict[int, kinds.Reward] = field(default_factory=dict)  # by transfer, until credited
    _uncredited: dict[int, TransferRecord] = field(default_factory=dict)

    def rule(self, reward: kinds.Reward) -> None:
        """Follow a rule from here on; ValueError if there is no such rule."""
        if reward.rule not in RULES:
            raise ValueError("names a rule that is not known here")
        self.reward = reward
        self.balances_mJ.setdefault(reward.crowd, Counter())

    def opened(self, transfer: TransferRecord) -> None:
        """Let a transfer earn by the rule of now; a ping has nobody to owe for it."""
        if self.reward and self.reward.rule != NONE and transfer.prx:
            self._rewards[transfer.transfer_id] = self.reward
            self._uncredited[transfer.transfer_id] = transfer

    def paid(self, transfer_id: int) -> None:
        """Let a transfer earn nothing from here on: a credit or a market's price pays for it."""
        self._rewards.pop(transfer_id, None)
        self._uncredited.pop(transfer_id, None)

    def stands(self, transfer: TransferRecord) -> None:
        """Take note of what was booked, and of where a transfer stands."""
        if transfer.transfer_id not in self._rewards:
            return
        if uncredited_mJ(transfer):
            self._uncredited[transfer.transfer_id] = transfer
        else:
            self._uncredited.pop(transfer.transfer_id, None)

    def due(
        self, transfer: TransferRecord, rows: Iterable[kinds.Content]
    ) -> Iterator[kinds.Credit]:
        """Yield the credit that belongs behind the `rows` that settle a transfer, if any.

        It is cut where the receiver's balance would fall below minus the allowance.
        """
        reward = self._rewards.get(transfer.transfer_id)
        booked_mJ = Counter({account_of(transfer.prx): transfer.received_mJ})
        booked_mJ[account_of(transfer.ptx)] -= transfer.sent_mJ
        for row in rows:
            if isinstance(row, kinds.Entry):
                booked_mJ[row.account] += row.amount_mJ
            if isinstance(row, kinds.State) and row.state == SETTLED and reward:
                sent_mJ = -booked_mJ[account_of(transfer.ptx)]
                earned_mJ = self._earned_mJ(
                    reward, transfer.prx, sent_mJ, booked_mJ[account_of(transfer.prx)]
                )
                if earned_mJ > 0:
                    parties = transfer.prx, transfer.ptx
                    yield kinds.Credit(transfer.transfer_id, reward.crowd, *parties, earned_mJ)

    def _earned_mJ(self, reward: kinds.Reward, debtor: int, sent_mJ: int, received_mJ: int) -> int:
        if not is_plausible(sent_mJ, received_mJ):
            return 0
        room_mJ = self.balances_mJ[reward.crowd][debtor] + reward.allowance_mJ
        return min(RULES[reward.rule](sent_mJ, received_mJ), room_mJ)

    def credit(self, transfer: TransferRecord, credit: kinds.Credit) -> None:
        """Book a credit; ValueError or KeyError if the transfer earns none, or has had it."""
        parties = transfer.prx, transfer.ptx, self._rewards[credit.transfer_id].crowd
        if (credit.debtor, credit.creditor, credit.crowd) != parties:
            raise ValueError
        self.paid(credit.transfer_id)
        balances_mJ = self.balances_mJ[credit.crowd]
        balances_mJ[credit.debtor] -= credit.amount_mJ
        balances_mJ[credit.creditor] += credit.amount_mJ

    def held_mJ(self) -> Counter[tuple[str, int]]:
        """Return by crowd and board what was taken, or may be, without a credit to anybody."""
        held_mJ: Counter[tuple[str, int]] = Counter()
        for number, transfer in self._uncredited.items():
            held_mJ[self._rewards[number].crowd, transfer.prx] += uncredited_mJ(transfer)
        return held_mJ

    def limits_mJ(self, boards: Iterable[int]) -> dict[int, int]:
        """Return by board what each may take now, at least 0; {} while no rule bounds anybody."""
        reward = self.reward
        if reward is None or reward.rule == NONE:
            return {}
        balances_mJ, held_mJ = self.balances_mJ[reward.crowd], self.held_mJ()
        return {
            board: max(balances_mJ[board] + reward.allowance_mJ - held_mJ[reward.crowd, board], 0)
            for board in boards
        }

    def limits_J(self, boards: Iterable[int]) -> dict[int, float]:
        """Return the same in joules, as policies count."""
        return {board: limit_mJ / 1000 for board, limit_mJ in self.limits_mJ(boards).items()}

    def standings(self) -> Iterator[Standing]:
        """Yield each board that gave or took, by crowd and number."""
        held_mJ = self.held_mJ()
        moved = {(crowd, board) for crowd, boards in self.balances_mJ.items() for board in boards}
        limits_mJ = self.limits_mJ(board for _, board in held_mJ.keys() | moved)
        for crowd, board in sorted(held_mJ.keys() | moved):
            is_now = self.reward is not None and self.reward.crowd == crowd
            takes_mJ = limits_mJ.get(board) if is_now else None
            balance_mJ = self.balances_mJ[crowd][board]
            yield Standing(crowd, board, balance_mJ, held_mJ[crowd, board], takes_mJ)
