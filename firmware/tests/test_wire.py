# SPDX-License-Identifier: MIT
import struct

from support import make_board
from wptcore import wire

BODIES = (
    (wire.HELLO, (bytes(range(16)),)),
    (wire.GRANT, (0xFFFFFFFF, wire.PRX, 0xFFFF, 5000, 60_000, 120_000, 20, 1500)),
    (wire.RENEW, (1, 5000, 2500, 0x81)),
    (wire.STOP, (7,)),
    (wire.CLEAR, (0x82,)),
    (wire.CONFIGURE, (wire.CONFIGURE_FLOOR_pct, 30)),
    (wire.PING, (8, 3000)),
    (wire.ACK, (wire.GRANT, 0xCC, 3, 0x82, 7, 2500, 1234, 655, -40)),
)


def raises_value_error(call, *arguments):
    try:
        call(*arguments)
    except ValueError:
        return True
    return False


def test_frames_come_back():
    for frame_type, fields in BODIES:
        frame = wire.pack_frame(frame_type, 0x01020304, *fields) + bytes(16)
        assert len(frame) == wire.frame_size(frame_type)
        assert wire.unpack_header(frame) == (wire.VERSION, frame_type, 0x01020304)
        assert tuple(wire.unpack_body(frame)) == fields


def test_a_grant_is_these_bytes():
    frame = wire.pack_frame(wire.GRANT, 2, 1, wire.PTX, 9, 5000, 50_000, 60_000, 25, 1000)
    assert frame == bytes.fromhex("010202000000010000000109008813000050c3000060ea000019e803")


def test_any_other_length_is_refused():
    for frame_type, fields in BODIES:
        frame = wire.pack_frame(frame_type, 1, *fields) + bytes(16)
        for length in range(len(frame) + 5):
            other = (frame + bytes(5))[:length]
            if length != len(frame):
                assert raises_value_error(wire.unpack_body, other), (frame_type, length)


def test_beacon_layout_and_round_trip():
    buffer = bytearray(wire.BEACON_SIZE)
    wire.pack_beacon_into(
        buffer, 0, 3, 65537, 258, 0x12, 0x81, 4012, -650, 267, 314, 0x1234, 0xFFFFFFFF, 42
    )
    assert buffer == bytes.fromhex("0103000100021281ac0f76fd1a1f34ffffffff2a000000")
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
    end = wire.pack_bthome_into(buffer, 7, 300, 655, 4012, -650, -2608, 314, True, False)
    assert end <= 31
    assert buffer[7:end] == bytes.fromhex("40002c01410cac0f16012600453a015cfbfeffff5d76fd")


def test_bthome_leaves_an_unknown_battery_out():
    buffer = bytearray(31)
    end = wire.pack_bthome_into(buffer, 0, 1, 0xFFFF, 4000, 0, 0, 0, False, False)
    assert end == 21
    assert buffer[3] == 0x0C


def test_receipt_limits_challenge_come_back():
    receipt = (3, 2, 99, wire.PTX, 4, 12_345, 6789, 2600, 412, 0x81, 262, 200, 777)
    assert wire.unpack_receipt(wire.pack_receipt(*receipt)) == receipt
    limits = (3, 2, 100_000, 12_000, 20, 25, 3)
    assert wire.unpack_limits(wire.pack_limits(*limits)) == limits
    challenge = (3, 2, bytes(range(16)))
    assert wire.unpack_challenge(wire.pack_challenge(*challenge)) == challenge


def test_other_versions_are_refused():
    for unpack, data in (
        (wire.unpack_receipt, wire.pack_receipt(*range(13))),
        (wire.unpack_limits, wire.pack_limits(*range(7))),
        (wire.unpack_challenge, wire.pack_challenge(1, 2, bytes(16))),
    ):
        for version in (0, 2, 255):
            assert raises_value_error(unpack, bytes((version,)) + data[1:])
        assert raises_value_error(unpack, data[:-1])
        assert raises_value_error(unpack, data + b"\0")


def test_the_beacon_of_a_board():
    board = make_board(soc_permille=333)
    buffer = bytearray(wire.BEACON_SIZE)
    board.pack_beacon_into(buffer, 0)
    first = wire.unpack_beacon(bytes(buffer))
    board.pack_beacon_into(buffer, 0)
    second = wire.unpack_beacon(bytes(buffer))
    assert first[0] == 3 and first[7] == 33 and first[5] == 4000
    assert second[2] == first[2] + 1
    assert struct.calcsize(wire._RECEIPT) == wire.RECEIPT_BODY_SIZE
