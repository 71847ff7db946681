# SPDX-License-Identifier: MIT
"""The state that survives a reboot, in two slots: a torn write leaves the other slot whole.

The port reads both slots at boot, writes what `next_record` returns, and hands in `crc32`
(`binascii.crc32` on all three VMs). Format 5 is written; 1 to 4,
which earlier firmware wrote, are read too, so that an update loses nothing.
"""

import struct

from wptcore import floor, wire
from wptcore.compat import const

_MAGIC = const(0x4347)
_HEAD = "<HIHII8sBBBIBHIHBBBHBHiHBBBII60sI64sH"
_HEAD_FIELDS = (
    "epoch",
    "sent_mJ",
    "received_mJ",
    "latches",
    "short_boots",
    "floor_pct",
    "floor_cut",
    "open_transfer_id",
    "open_role",
    "open_peer",
    "open_start_mJ",
    "open_soc_permille",
    "asked_reset",
    "off",
    "hot_ends",
    "hot_age_s",
    "fod_exceedances",
    "mark_permille",
    "unmoved_mJ",
    "open_granter",
    "open_flags",
    "hold",
    "owed",
    "given_mJ",
    "given_age_s",
    "mandate",
    "taken_mJ",
    "given_to",
)
_FORMATS = (  # (magic, head, how many of the fields, what the number of receipts counts in bytes)
    (0x4343, "<HIHII4sBBBIBHIHB", 12, 51),
    (0x4344, "<HIHII8sBBBIBHIHBBBHBHiH", 19, 1),
    (0x4345, "<HIHII8sBBBIBHIHBBBHBHiHBBBIIH", 25, 1),
    (0x4346, "<HIHII8sBBBIBHIHBBBHBHiHBBBII60sIH", 27, 1),
    (_MAGIC, _HEAD, len(_HEAD_FIELDS), 1),
)
LATCHES_KEPT = const(8)
RECEIPTS_MAX = const(8 * 64)  # bytes; of whatever versions, each walked by its own size
_CRC = "<I"


class Saved:
    """The persistent state; also what a board starts from."""

    def __init__(self):
        self.epoch = 0
        self.sent_mJ = 0
        self.received_mJ = 0
        self.latches = b""  # codes
        self.short_boots = 0  # short runs in a row that nobody asked to end
        self.floor_pct = floor.FLOOR_DEFAULT_pct
        self.floor_cut = 0
        self.open_transfer_id = 0  # 0 = none was running
        self.open_role = 0
        self.open_peer = 0
        self.open_start_mJ = 0
        self.open_soc_permille = wire.SOC_UNKNOWN_permille
        self.asked_reset = 0  # 1: the next boot was asked for
        self.off = 0  # 1: the owner has switched the board off
        self.hot_ends = 0  # ends by overload within the last hour of running
        self.hot_age_s = 0
        self.fod_exceedances = 0  # in a row
        self.mark_permille = wire.SOC_UNKNOWN_permille  # where the gauge last moved
        self.unmoved_mJ = 0  # counted since
        self.open_granter = 0
        self.open_flags = 0
        self.hold = 0  # 1: its host has put transfers between boards on hold
        self.owed = 0  # bit map of receipts that no ledger has (receipts.Receipts)
        self.given_mJ = 0  # within the owner's day
        self.given_age_s = 0  # the day's age
        self.mandate = b""  # as its owner has signed it
        self.taken_mJ = 0  # received since it came
        self.given_to = b""  # within the day, to crowds with a quota (quotas.Quotas)
        self.receipts = b""  # newest first; wire.split_receipts takes them apart

    def note_open(self, running) -> None:
        """Note the transfer that runs while this is stored, or None."""
        self.open_transfer_id = 0 if running is None else running.transfer_id
        if running is not None:
            self.open_role = running.role
            self.open_peer = running.peer
            self.open_granter = running.granter
            self.open_flags = running.flags
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
        """Return (slot, bytes) to write, always over the older record."""
        record = pack_record(self._sequence + 1, saved, self._crc32)
        self._sequence += 1
        self._slot = 1 - self._slot
        return self._slot, record

    def not_written(self) -> None:
        """Take the same slot again: what failed may have torn it, and the other one is whole."""
        self._slot = 1 - self._slot


def pack_record(sequence: int, saved: Saved, crc32) -> bytes:
    values = [getattr(saved, name) for name in _HEAD_FIELDS]
    values[0] &= 0xFFFF
    values[3] = saved.latches[:LATCHES_KEPT]
    body = struct.pack(_HEAD, _MAGIC, sequence, *values, len(saved.receipts)) + saved.receipts
    return body + struct.pack(_CRC, crc32(body) & 0xFFFFFFFF)


def unpack_record(record: bytes, crc32):
    """Return (sequence, Saved); ValueError on a torn or foreign record."""
    _, head, count, unit = _format_of(record)
    size = struct.calcsize(head)
    if len(record) < size + 4:
        raise ValueError("journal length")
    fields = struct.unpack_from(head, record, 0)
    end = size + fields[-1] * unit
    if end - size > RECEIPTS_MAX or len(record) < end + 4:
        raise ValueError("journal header")
    if struct.unpack_from(_CRC, record, end)[0] != crc32(record[:end]) & 0xFFFFFFFF:
        raise ValueError("journal checksum")
    saved = Saved()
    for i in range(count):
        setattr(saved, _HEAD_FIELDS[i], fields[2 + i])
    saved.latches = saved.latches.rstrip(b"\0")
    if saved.mandate[:1] == b"\0":  # no version: there is none
        saved.mandate = b""
    saved.receipts = bytes(record[size:end])
    wire.split_receipts(saved.receipts)  # ValueError unless they are whole
    return fields[1], saved


def _format_of(record: bytes) -> tuple:
    for row in _FORMATS:
        if record[:2] == struct.pack("<H", row[0]):
            return row
    raise ValueError("journal header")
