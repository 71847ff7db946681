# SPDX-License-Identifier: MIT
"""What outlives a reset: records of all formats, and writes torn at any byte."""

import binascii
import struct

from wptcore import wire
from wptcore.journal import Journal, Saved, pack_record, unpack_record

FIELDS = (
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
    "receipts",
)
OLD = b"\x01" + bytes(range(1, 51))  # a receipt of wire version 1, by its first byte
# What firmware 0.1 wrote: format 1 with one receipt of 51 bytes, fields of make_saved(3).
FORMAT_1 = "4343080000000300fcffffffb80b0000828f0000021e014d00000002090005000000b10101"


def make_saved(seed, receipts=2):
    saved = Saved()
    saved.epoch = seed
    saved.sent_mJ = 0xFFFFFFFF - seed
    saved.received_mJ = seed * 1000
    saved.latches = b"\x82\x8f\x91\x93\x94\x02"
    saved.short_boots = 2
    saved.floor_pct = 30
    saved.floor_cut = 1
    saved.open_transfer_id = 77
    saved.open_role = wire.PRX
    saved.open_peer = 9
    saved.open_start_mJ = 5
    saved.open_soc_permille = 433
    saved.asked_reset = 1
    saved.off = 1
    saved.hot_ends = 1
    saved.hot_age_s = 3599
    saved.fod_exceedances = 2
    saved.mark_permille = 611
    saved.unmoved_mJ = -70_000
    saved.receipts = b"".join(make_receipt(seed + i) for i in range(receipts))
    return saved


def make_receipt(seed):
    """Return one of version 1 if `seed` is odd: a list may hold both."""
    size = wire.receipt_size(2 - seed % 2)
    return bytes((2 - seed % 2,)) + bytes((seed + i) & 0xFF for i in range(size - 1))


def same(a, b):
    return all(getattr(a, name) == getattr(b, name) for name in FIELDS)


def test_a_record_comes_back_whole():
    for receipts in range(wire.RECEIPTS_KEPT + 1):
        saved = make_saved(3, receipts)
        sequence, found = unpack_record(pack_record(8, saved, binascii.crc32), binascii.crc32)
        assert sequence == 8
        assert same(saved, found)


def test_receipts_of_mixed_versions_are_kept_as_they_are():
    saved = make_saved(1)
    saved.receipts = OLD + b"\x02" + bytes(range(1, 56)) + OLD
    found = unpack_record(pack_record(1, saved, binascii.crc32), binascii.crc32)[1]
    assert found.receipts == saved.receipts


def test_a_record_of_format_1_is_read_and_becomes_the_newest_at_the_next_save():
    body = bytes.fromhex(FORMAT_1) + OLD
    record = body + struct.pack("<I", binascii.crc32(body) & 0xFFFFFFFF)
    journal = Journal([record, b""], binascii.crc32)
    found, old = journal.saved, make_saved(3, 0)
    assert journal.damaged == 0
    for name in FIELDS[:3] + FIELDS[4:12]:
        assert getattr(found, name) == getattr(old, name), name
    assert found.latches == b"\x82\x8f"
    assert found.receipts == OLD
    for name in FIELDS[12:-1]:
        assert getattr(found, name) == getattr(Saved(), name), name
    slot, newer = journal.next_record(found)
    assert slot == 1 and newer[:2] != record[:2]
    assert same(Journal([record, newer], binascii.crc32).saved, found)


def test_a_record_of_format_3_is_read():
    """What firmware wrote that had crowds and no mandates: 67 bytes before the receipts."""
    newest = pack_record(4, make_saved(4), binascii.crc32)
    at = 65
    assert newest[at : at + 64] == bytes(64)  # no mandate, nothing taken
    assert newest[at + 64 : at + 128] == bytes(64)  # nothing given to agreed crowds
    body = b"\x45\x43" + newest[2:at] + newest[at + 128 : -4]
    record = body + struct.pack("<I", binascii.crc32(body) & 0xFFFFFFFF)
    assert same(Journal([record, b""], binascii.crc32).saved, make_saved(4))


def test_a_record_of_format_4_is_read():
    """What firmware wrote that had mandates and no quotas of agreements."""
    newest = pack_record(4, make_saved(4), binascii.crc32)
    body = b"\x46\x43" + newest[2:129] + newest[129 + 64 : -4]
    record = body + struct.pack("<I", binascii.crc32(body) & 0xFFFFFFFF)
    found = Journal([record, b""], binascii.crc32).saved
    assert same(found, make_saved(4)) and not found.given_to


def test_what_crowds_got_comes_back_whole():
    saved = make_saved(5)
    saved.given_to = bytes(range(1, 17))
    found = unpack_record(pack_record(1, saved, binascii.crc32), binascii.crc32)[1]
    assert found.given_to == saved.given_to + bytes(48)


def test_a_mandate_comes_back_whole():
    saved = make_saved(5)
    saved.mandate = b"\x01" + bytes(range(58)) + b"\0"
    saved.taken_mJ = 123456
    found = unpack_record(pack_record(1, saved, binascii.crc32), binascii.crc32)[1]
    assert (found.mandate, found.taken_mJ) == (saved.mandate, 123456)


def test_an_empty_flash_is_a_new_board():
    journal = Journal([b"", b""], binascii.crc32)
    assert same(journal.saved, Saved())
    assert journal.damaged == 0


def test_slots_alternate_and_the_newest_wins():
    slots = [b"", b""]
    for seed in range(1, 6):
        journal = Journal(slots, binascii.crc32)
        slot, record = journal.next_record(make_saved(seed))
        slots[slot] = record
        assert same(Journal(slots, binascii.crc32).saved, make_saved(seed))
    assert slots[0] and slots[1]


def test_a_write_torn_at_any_byte_leaves_the_old_or_the_new_record():
    slots = [b"", b""]
    for seed in (1, 2):
        slot, record = Journal(slots, binascii.crc32).next_record(make_saved(seed))
        slots[slot] = record
    slot, record = Journal(slots, binascii.crc32).next_record(make_saved(3))
    older = slots[slot]
    for cut in range(len(record) + 1):
        for rest in (b"", older[cut:], b"\xff" * (len(record) - cut)):
            torn = list(slots)
            torn[slot] = record[:cut] + rest
            journal = Journal(torn, binascii.crc32)
            assert same(journal.saved, make_saved(3 if cut == len(record) else 2)) or (
                torn[slot] == record
            )


def test_any_altered_byte_is_noticed():
    record = pack_record(1, make_saved(4), binascii.crc32)
    for i in range(len(record)):
        damaged = bytearray(record)
        damaged[i] ^= 0x10
        journal = Journal([bytes(damaged), b""], binascii.crc32)
        assert same(journal.saved, Saved()), i
        assert journal.damaged == 1
