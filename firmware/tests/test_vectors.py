# SPDX-License-Identifier: MIT
"""The bytes of every wire version that was shipped, as they stand in vectors/."""

import binascii
import hashlib
import json

from support import HOST_NONCE, KEY, NONCE, Host, make_board
from wptcore import auth, wire
from wptcore.journal import Journal

FOLDER = __file__[: -len("test_vectors.py")] + "vectors/"
RECEIPT = (
    "board_id",
    "epoch",
    "transfer_id",
    "role",
    "peer",
    "energy_mJ",
    "duration_ms",
    "peak_mW",
    "peak_dC",
    "ept",
    "soc_before_permille",
    "soc_after_permille",
    "odometer_mJ",
    "group",
    "granter",
    "flags",
)


def load(version):
    with open(FOLDER + "wire-%d.json" % version) as file:
        return json.load(file)


def test_receipts_of_every_version_verify():
    for version in (1, 2):
        for vector in load(version)["receipts"]:
            receipt = bytes.fromhex(vector["hex"])
            fields = vector["fields"]
            assert wire.unpack_receipt(receipt) == tuple(fields.get(name, 0) for name in RECEIPT)
            body, tag = receipt[: -auth.TAG_SIZE], receipt[-auth.TAG_SIZE :]
            assert tag == auth.receipt_tag(hashlib.sha256, KEY, body)
            if version == wire.VERSION:
                assert body == wire.pack_receipt(*(fields[name] for name in RECEIPT))


def test_frames_are_these_bytes():
    key = auth.session_key(hashlib.sha256, KEY, NONCE, HOST_NONCE)
    for vector in load(2)["frames"]:
        fields = [bytes.fromhex(v) if isinstance(v, str) else v for v in vector["fields"]]
        frame_type = getattr(wire, vector["name"])
        frame = wire.pack_frame(frame_type, vector["counter"], vector["time_ms"], *fields)
        frame += auth.tag(hashlib.sha256, key, vector["direction"].encode(), frame)
        assert frame == bytes.fromhex(vector["hex"]), vector["name"]
        assert wire.unpack_body(frame) == tuple(fields)


def test_the_beacon_and_the_challenge_are_these_bytes():
    vectors = load(2)
    beacon = bytearray(wire.BEACON_SIZE)
    fields = (3, 65537, 258, 0x12, 0x81, 4012, -650, 267, 314, 0x1234, 0xFFFFFFFF, 42)
    wire.pack_beacon_into(beacon, 0, *fields)
    assert beacon == bytes.fromhex(vectors["beacon"])
    challenge = bytes.fromhex(vectors["challenge"])
    assert wire.unpack_challenge(challenge) == (3, 2, 0x19, 5500, NONCE)
    assert wire.unpack_beacon_1(bytes.fromhex(load(1)["beacon"])) == wire.unpack_beacon(beacon)


def test_a_board_keeps_its_receipts_of_version_1_over_an_update():
    vectors = load(1)
    old = [bytes.fromhex(vector["hex"]) for vector in vectors["receipts"]]
    journal = Journal([bytes.fromhex(vectors["journal"]), b""], binascii.crc32)
    assert journal.damaged == 0 and journal.saved.floor_pct == 30
    assert wire.split_receipts(journal.saved.receipts) == old
    journal.saved.latches = b""
    host = Host(make_board(saved=journal.saved)).hello()
    for count in range(1, wire.RECEIPTS_KEPT + 1):
        assert host.grant(transfer_id=count + 1000) == 0
        host.send(wire.STOP, count + 1000)
        kept = wire.split_receipts(host.board.receipts)
        assert kept[count:] == old[: wire.RECEIPTS_KEPT - count]
        slot, record = journal.next_record(host.board.pop_save())
        again = Journal([record, b""], binascii.crc32)
        assert again.saved.receipts == host.board.receipts
    assert len(host.board.receipts) == wire.RECEIPTS_KEPT * wire.RECEIPT_SIZE
