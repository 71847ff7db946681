# SPDX-License-Identifier: MIT
"""The last eight signed receipts, newest first, as the host reads them."""

from wptcore import wire
from wptcore.auth import receipt_tag


class Receipts:
    """`stored`: the receipts as saved, each signed with the board key.

    After an update some are of version 1; they stay until newer ones take their place.
    `owed`: bit map, newest first, of those that other boards granted and no ledger has yet. They
    keep their place: nobody else knows of them. Where no power flowed nothing is owed, else boards
    that lie beside each other would fill their places with tries.
    """

    def __init__(self, board_id: int, epoch: int, key: bytes, sha256, stored: bytes, owed: int):
        self._board_id = board_id
        self._epoch = epoch
        self._key = key
        self._sha256 = sha256
        self.stored = stored
        self.owed = owed

    def keep(self, running, soc_permille: int, odometer_mJ: int) -> None:
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
            running.ended_by,
            running.soc_before_permille,
            soc_permille,
            odometer_mJ,
            running.group,
            running.granter,
            running.flags,
        )
        kept, owed = self._with_room()
        stored = body + receipt_tag(self._sha256, self._key, body) + b"".join(kept)
        owed = owed << 1 | (1 if running.by_peer and running.has_flowed else 0)
        self.stored, self.owed = stored, owed  # both or, where memory is full, neither

    def _with_room(self) -> tuple:
        """Return receipts and `owed` without the oldest that nobody owes, if they are full."""
        kept, owed = wire.split_receipts(self.stored), self.owed
        last = len(kept) - 1
        if len(kept) < wire.RECEIPTS_KEPT:
            return kept, owed
        while last > 0 and owed >> last & 1:
            last -= 1
        return kept[:last] + kept[last + 1 :], owed & ((1 << last) - 1) | owed >> last + 1 << last

    @property
    def full(self) -> bool:
        """Is there room for a host's receipt only?"""
        return sum(self.owed >> i & 1 for i in range(wire.RECEIPTS_KEPT)) >= wire.RECEIPTS_KEPT - 1

    def release(self, transfer_id: int) -> None:
        """Note that a ledger has the receipt, so that its place may be used again."""
        receipts = wire.split_receipts(self.stored)
        for i in range(len(receipts)):
            if wire.unpack_receipt(receipts[i])[2] == transfer_id:
                self.owed &= ~(1 << i)

    def has(self, transfer_id: int) -> bool:
        for receipt in wire.split_receipts(self.stored):
            if wire.unpack_receipt(receipt)[2] == transfer_id:
                return True
        return False
