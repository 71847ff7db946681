# SPDX-License-Identifier: MIT
"""The last eight signed receipts, newest first, as the host reads them."""

from wptcore import wire
from wptcore.auth import receipt_tag


class Receipts:
    """`stored`: the receipts as saved, each signed with the board key.

    After an update some are of version 1; they stay until newer ones take their place.
    """

    def __init__(self, board_id: int, epoch: int, key: bytes, sha256, stored: bytes):
        self._board_id = board_id
        self._epoch = epoch
        self._key = key
        self._sha256 = sha256
        self.stored = stored

    def keep(self, running, code: int, soc_permille: int, odometer_mJ: int) -> None:
        """Sign and keep the receipt of `running` (running.Running), which has ended."""
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
            running.group,
            running.granter,
            running.flags,
        )
        kept = wire.split_receipts(self.stored)[: wire.RECEIPTS_KEPT - 1]
        self.stored = body + receipt_tag(self._sha256, self._key, body) + b"".join(kept)

    def has(self, transfer_id: int) -> bool:
        for receipt in wire.split_receipts(self.stored):
            if wire.unpack_receipt(receipt)[2] == transfer_id:
                return True
        return False
