# SPDX-License-Identifier: MIT
"""PURE: what a verification found, and what it could not check."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """`seq` is the row; a note (not wrong) is something that the reader should know."""

    seq: int
    text: str
    wrong: bool = True

    def __str__(self) -> str:
        return f"row {self.seq}: {self.text}"


@dataclass(slots=True)
class Verdict:
    """`unchecked` counts by board the signatures that no known key could check.

    `unsigned` counts by kind the rows that rest on the host's word: no board has signed them, and
    they follow from nothing that a board has signed.
    """

    findings: list[Finding] = field(default_factory=list)
    rows: int = 0
    signatures: int = 0
    unchecked: Counter[int] = field(default_factory=Counter)
    unsigned: Counter[str] = field(default_factory=Counter)
    unsettled: int = 0
    claimed: int = 0  # receipts that nobody could check when they were booked

    @property
    def is_wrong(self) -> bool:
        return any(finding.wrong for finding in self.findings)

    def __str__(self) -> str:
        """Return the verdict in one line; what could not be checked is part of it."""
        if not self.rows:
            return "the ledger is empty: no row was ever written, or all were taken out"
        kinds = "chain, conservation, odometers"
        if self.signatures and not self.unchecked:
            kinds += ", signatures"
        doubts = [*self._unchecked_words(), *self._unsettled_words(), *self._claimed_words()]
        return "; ".join([f"{self.rows} rows, {kinds}: all in order", *doubts])

    def _unchecked_words(self) -> list[str]:
        count = self.unchecked.total()
        if not count:
            return []
        boards = ", ".join(str(board) for board in sorted(self.unchecked))
        return [
            f"but {count} of {self.signatures} signatures could not be checked: "
            f"no key for board {boards}"
        ]

    def _unsettled_words(self) -> list[str]:
        return [f"but transfers that are not settled: {self.unsettled}"] if self.unsettled else []

    def _claimed_words(self) -> list[str]:
        return [f"but receipts that are only claimed: {self.claimed}"] if self.claimed else []

    def unsigned_words(self) -> str:
        """Return what rests on the host's word alone, or an empty string."""
        counts = ", ".join(f"{self.unsigned[kind]} {kind}" for kind in sorted(self.unsigned))
        return f"{self.unsigned.total()} rows are signed by no board: {counts}" if counts else ""
