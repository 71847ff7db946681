# SPDX-License-Identifier: MIT
"""The state that survives a reboot, in two slots: a torn write leaves the other slot whole.

The port reads both slots at boot, writes what `next_record` returns, and hands in `crc32`
(`binascii.crc32` on all three VMs).
"""

import struct

from wptcore import floor, wire
from wptcore.compat import const

_MAGIC = const(0x4343)
_HEAD = "<HIHII4sBBBIBHIHB"
LATCHES_KEPT = const(4)
_CRC = "<I"


class Saved:
    """The persistent state; also what a board starts from."""

    def __init__(self):
        self.epoch = 0
        self.sent_mJ = 0
        self.received_mJ = 0
        self.latches = b""  # codes
        self.short_boots = 0  # short runs in a row that a watchdog or brown-out ended
        self.floor_pct = floor.FLOOR_DEFAULT_pct
        self.floor_cut = 0
        self.open_transfer_id = 0  # 0 = none was running
        self.open_role = 0
        self.open_peer = 0
        self.open_start_mJ = 0
        self.open_soc_permille = wire.SOC_UNKNOWN_permille
        self.receipts = b""  # newest first, each wire.RECEIPT_SIZE

    def note_open(self, running) -> None:
        """Notes the transfer that runs while this is stored, or None."""
        self.open_transfer_id = 0 if running is None else running.transfer_id
        if running is not None:
            self.open_role = running.role
            self.open_peer = running.peer
            self.open_start_mJ = running.start_mJ
            self.open_soc_permille = running.soc_before_permille


class Journal:
    """`slots`: the bytes of both slots as found; sets `saved` and `damaged` (torn slots)."""

    def __init__(self, slots, crc32):
        self._crc32 = crc32
        self.saved = Saved()
        self.damaged = 0
        self._sequence = 0
        self._slot = 1  # the next record goes to the other one
        for slot in range(2):
            self._consider(slot, slots[slot])

    def _consider(self, slot: int, record: bytes) -> None:
        try:
            sequence, saved = unpack_record(record, self._crc32)
        except ValueError:
            self.damaged += 1 if record else 0
            return
        if sequence > self._sequence:
            self._sequence = sequence
            self.saved = saved
            self._slot = slot

    def next_record(self, saved: Saved):
        """Returns (slot, bytes) to write, always over the older record."""
        self._sequence += 1
        self._slot = 1 - self._slot
        return self._slot, pack_record(self._sequence, saved, self._crc32)


def pack_record(sequence: int, saved: Saved, crc32) -> bytes:
    body = (
        struct.pack(
            _HEAD,
            _MAGIC,
            sequence,
            saved.epoch & 0xFFFF,
            saved.sent_mJ,
            saved.received_mJ,
            saved.latches[:LATCHES_KEPT],
            saved.short_boots,
            saved.floor_pct,
            saved.floor_cut,
            saved.open_transfer_id,
            saved.open_role,
            saved.open_peer,
            saved.open_start_mJ,
            saved.open_soc_permille,
            len(saved.receipts) // wire.RECEIPT_SIZE,
        )
        + saved.receipts
    )
    return body + struct.pack(_CRC, crc32(body) & 0xFFFFFFFF)


def unpack_record(record: bytes, crc32):
    """Returns (sequence, Saved); ValueError on a torn or foreign record."""
    size = struct.calcsize(_HEAD)
    if len(record) < size + 4:
        raise ValueError("journal length")
    fields = struct.unpack_from(_HEAD, record, 0)
    end = size + fields[14] * wire.RECEIPT_SIZE
    if fields[0] != _MAGIC or fields[14] > wire.RECEIPTS_KEPT or len(record) < end + 4:
        raise ValueError("journal header")
    if struct.unpack_from(_CRC, record, end)[0] != crc32(record[:end]) & 0xFFFFFFFF:
        raise ValueError("journal checksum")
    saved = Saved()
    (
        saved.epoch,
        saved.sent_mJ,
        saved.received_mJ,
        latches,
        saved.short_boots,
        saved.floor_pct,
        saved.floor_cut,
        saved.open_transfer_id,
        saved.open_role,
        saved.open_peer,
        saved.open_start_mJ,
        saved.open_soc_permille,
    ) = fields[2:14]
    saved.latches = latches.rstrip(b"\0")
    saved.receipts = bytes(record[size:end])
    return fields[1], saved
