# SPDX-License-Identifier: MIT
"""The frames of the wire, packed and read again."""

from support import make_board
from wptcore import bthome, wire

BODIES = (
    (wire.HELLO, (bytes(range(16)),)),
    (wire.GRANT, (0xFFFFFFFF, wire.PRX, 0xFFFF, 7, 8, 5000, 60_000, 120_000, 20, 1500, 1)),
    (wire.RENEW, (1, 5000, 2500, 0x81)),
    (wire.STOP, (7,)),
    (wire.CLEAR, (0x82,)),
    (wire.CONFIGURE, (wire.CONFIGURE_FLOOR_pct, 30)),
    (wire.PING, (8, 3000)),
    (wire.ASK, (wire.ASK_FAULTS,)),
    (wire.GROUP_RENEW, (7, 0x81, 2000, 0, 1999, 0, 0, 0, 2500, 0, 1200, 0, 0, 0)),
    (wire.ACK, (wire.GRANT, 0xCC, 3, 0x82, 7, 2500, 1234, 655, -40)),
    (wire.INFO_LIMITS, (3, 2, 9, 100_000, 12_000, 20, 25, 3, 1800, 1000)),
    (wire.INFO_FAULTS, (2, b"\x82\x8f" + bytes(14))),
    (wire.INFO_STATUS, (bytes(range(24)),)),
)


def raises_value_error(call, *arguments):
    try:
        call(*arguments)
    except ValueError:
        return True
    return False


def test_frames_come_back():
    for frame_type, fields in BODIES:
        frame = wire.pack_frame(frame_type, 0x01020304, 0xFFFFFFFE, *fields) + bytes(16)
        assert len(frame) == wire.frame_size(frame_type)
        assert wire.unpack_header(frame) == (wire.VERSION, frame_type, 0x01020304, 0xFFFFFFFE)
        assert tuple(wire.unpack_body(frame)) == fields


def test_a_grant_is_these_bytes():
    fields = (1, wire.PTX, 9, 0, 0, 5000, 50_000, 60_000, 25, 1000, 0)
    header, body = "02020200000010270000", "01000000010900000000008813000050c3000060ea000019e80300"
    assert wire.pack_frame(wire.GRANT, 2, 10_000, *fields) == bytes.fromhex(header + body)


def test_any_other_length_is_refused():
    for frame_type, fields in BODIES:
        frame = wire.pack_frame(frame_type, 1, 0, *fields) + bytes(16)
        for length in range(len(frame) + 5):
            other = (frame + bytes(5))[:length]
            if length != len(frame):
                assert raises_value_error(wire.unpack_body, other), (frame_type, length)


def test_beacon_layout_and_round_trip():
    buffer = bytearray(wire.BEACON_SIZE)
    wire.pack_beacon_into(
        buffer, 0, 3, 65537, 258, 0x12, 0x81, 4012, -650, 267, 314, 0x1234, 0xFFFFFFFF, 42
    )
    assert buffer == bytes.fromhex("430203000100021281ac0f76fd1a1f34ffffffff2a000000")
    assert wire.unpack_beacon(bytes(buffer)) == (
        3,
        1,
        2,
        0x12,
        0x81,
        4012,
        -650,
        26,
        31,
        0x34,
        0xFFFFFFFF,
        42,
    )


def test_fields_beyond_their_range_are_clamped():
    buffer = bytearray(wire.BEACON_SIZE)
    wire.pack_beacon_into(buffer, 0, 3, 0, 0, 0, 0, 70_000, 40_000, 0xFFFF, 5000, 0, 0, 0)
    fields = wire.unpack_beacon(bytes(buffer))
    assert fields[5:9] == (0xFFFF, 0x7FFF, 255, 127)
    wire.pack_beacon_into(buffer, 0, 3, 0, 0, 0, 0, -5, -40_000, 0, -5000, 0, 0, 0)
    fields = wire.unpack_beacon(bytes(buffer))
    assert fields[5:9] == (0, -0x8000, 0, -128)


def test_bthome_objects_ascend_and_fit_an_advert():
    buffer = bytearray(31)
    end = bthome.pack_into(buffer, 7, 300, 655, 4012, -650, -2608, 314, True, False)
    assert end <= 31
    assert buffer[7:end] == bytes.fromhex("40002c01410cac0f16012600453a015cfbfeffff5d76fd")


def test_bthome_leaves_an_unknown_battery_out():
    buffer = bytearray(31)
    end = bthome.pack_into(buffer, 0, 1, 0xFFFF, 4000, 0, 0, 0, False, False)
    assert end == 21
    assert buffer[3] == 0x0C


def test_receipts_and_challenges_come_back():
    receipt = (3, 2, 99, wire.PTX, 4, 12_345, 6789, 2600, 412, 0x81, 262, 200, 777, 5, 6, 1)
    assert wire.unpack_receipt(wire.pack_receipt(*receipt)) == receipt
    challenge = (3, 2, 0x89, 0xFFFFFFFF, bytes(range(16)))
    assert wire.unpack_challenge(wire.pack_challenge(*challenge)) == challenge


def test_other_versions_are_refused():
    for unpack, data in (
        (wire.unpack_receipt, wire.pack_receipt(*range(13))),
        (wire.unpack_challenge, wire.pack_challenge(1, 2, 3, 4, bytes(16))),
    ):
        for version in (0, 1, 3, 255):
            assert raises_value_error(unpack, bytes((version,)) + data[1:])
        assert raises_value_error(unpack, data[:-1])
        assert raises_value_error(unpack, data + b"\0")
    beacon = bytearray(wire.BEACON_SIZE)
    wire.pack_beacon_into(beacon, 0, *range(12))
    for magic, version in ((0x43, 1), (0x43, 3), (0x42, 2), (0, 0)):
        assert raises_value_error(wire.unpack_beacon, bytes((magic, version)) + beacon[2:])


def test_a_list_of_receipts_is_walked_by_the_version_of_each():
    new = wire.pack_receipt(*range(13)) + bytes(16)
    old = b"\x01" + new[1:51]
    for receipts in ([], [new], [old], [new, old, old, new]):
        assert wire.split_receipts(b"".join(receipts)) == receipts
    for torn in (new[:-1], new + b"\x02", old + b"\0", b"\x03" + new[1:], new + old[:50]):
        assert raises_value_error(wire.split_receipts, torn)


def test_board_time_is_compared_across_its_wrap():
    for expires_ms, now_ms, left_ms in (
        (5000, 0, 5000),
        (0, 1, -1),
        (1000, 0xFFFFFFFF, 1001),
        (0xFFFFFFFF, 1000, -1001),
        (0x80000000, 0, -0x80000000),
    ):
        assert wire.time_left_ms(expires_ms, now_ms) == left_ms


def test_the_beacon_of_a_board():
    board = make_board(soc_permille=333)
    buffer = bytearray(wire.BEACON_SIZE)
    board.pack_beacon_into(buffer, 0)
    first = wire.unpack_beacon(bytes(buffer))
    board.pack_beacon_into(buffer, 0)
    second = wire.unpack_beacon(bytes(buffer))
    assert first[0] == 3 and first[7] == 33 and first[5] == 4000
    assert second[2] == first[2] + 1
    assert wire.receipt_size(wire.VERSION) == wire.RECEIPT_SIZE == wire.RECEIPT_BODY_SIZE + 16
