# SPDX-License-Identifier: MIT
"""PURE: whose signature counts, over the rotations of a board's key."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence


class Signers:
    """The boards' keys, each board's oldest first.

    A key no longer counts once a newer one has signed, so nobody who learns an old key can add
    anything to a ledger that has gone on.
    """

    def __init__(
        self, keys: Mapping[int, bytes], retired: Mapping[int, Sequence[bytes]] | None = None
    ) -> None:
        older = retired or {}
        self._valid = {board: [*older.get(board, ())] for board in {**older, **keys}}
        for board, key in keys.items():
            self._valid[board].append(key)
        self.asked = 0
        self.unchecked: Counter[int] = Counter()  # by board, for want of a key

    def knows(self, board_id: int) -> bool:
        return bool(self._valid.get(board_id))

    def accept(self, board_id: int, is_signed: Callable[[bytes], bool]) -> bool:
        """Tell whether one of the keys that still count has signed; True if no key is known.

        Ask in the order of the ledger.
        """
        self.asked += 1
        valid = self._valid.get(board_id)
        if not valid:
            self.unchecked[board_id] += 1
            return True
        for age, key in enumerate(valid):
            if is_signed(key):
                del valid[:age]
                return True
        return False
