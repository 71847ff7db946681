# SPDX-License-Identifier: MIT
"""The last eight signed receipts, newest first, as the host reads them."""

from wptcore import wire
from wptcore.auth import receipt_tag


class Receipts:
    """`stored`: the receipts as saved; each is signed with the board key."""

    def __init__(self, board_id: int, epoch: int, key: bytes, sha256, stored: bytes):
        self._board_id = board_id
        self._epoch = epoch
        self._key = key
        self._sha256 = sha256
        self.stored = stored

    def keep(self, running, code: int, soc_permille: int, odometer_mJ: int) -> None:
        """Signs and keeps the receipt of `running` (running.Running), which has ended."""
        body = wire.pack_receipt(
            self._board_id,
            self._epoch,
            running.transfer_id,
            running.role,
            running.peer,
            running.energy_mJ,
            running.duration_ms,
            running.peak_mW,
            running.peak_dC,
            code,
            running.soc_before_permille,
            soc_permille,
            odometer_mJ,
        )
        kept = self.stored[: (wire.RECEIPTS_KEPT - 1) * wire.RECEIPT_SIZE]
        self.stored = body + receipt_tag(self._sha256, self._key, body) + kept

    def has(self, transfer_id: int) -> bool:
        for start in range(0, len(self.stored), wire.RECEIPT_SIZE):
            body = self.stored[start : start + wire.RECEIPT_BODY_SIZE]
            if wire.unpack_receipt(body)[2] == transfer_id:
                return True
        return False
