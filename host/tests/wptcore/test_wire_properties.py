# SPDX-License-Identifier: MIT
"""Round trips and hostile bytes for every decoder of wptcore.wire."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wptcore import bthome, journal, wire

settings.register_profile("crowdcharge", derandomize=True, deadline=None)
settings.load_profile("crowdcharge")

U8, U16, U32 = st.integers(0, 0xFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
I16 = st.integers(-0x8000, 0x7FFF)
UNPACK: list[Callable[[bytes], object]] = [
    wire.unpack_beacon,
    wire.unpack_header,
    wire.unpack_body,
    wire.unpack_challenge,
    wire.unpack_receipt,
    wire.split_receipts,
    wire.unpack_beacon_1,
    lambda data: journal.unpack_record(data, lambda _: 0),
]


@given(st.tuples(U16, U16, U32, U8, U16, U32, U32, U32, I16, U8, U16, U16, U32, U16, U16, U8))
def test_receipts_come_back(fields: tuple[int, ...]) -> None:
    assert wire.unpack_receipt(wire.pack_receipt(*fields)) == fields


@given(st.tuples(U16, U16, U8, U8, U8, U16, I16, st.integers(0, 1000), I16, U8, U32, U32))
def test_beacons_come_back(fields: tuple[int, ...]) -> None:
    board_id, epoch, sequence, state, code, bus, current, soc, celsius, transfer, tx, rx = fields
    buffer = bytearray(wire.BEACON_SIZE)
    wire.pack_beacon_into(
        buffer,
        0,
        board_id,
        epoch,
        sequence,
        state,
        code,
        bus,
        current,
        soc,
        celsius,
        transfer,
        tx,
        rx,
    )
    found = wire.unpack_beacon(bytes(buffer))
    assert found[:7] == (board_id, epoch, sequence, state, code, bus, current)
    assert found[7] == soc // 10
    assert abs(found[8] * 10 - max(-1280, min(1270, celsius))) <= 5
    assert found[9:] == (transfer, tx, rx)


@given(st.integers(), st.integers(), st.integers(), st.integers(), st.booleans(), st.booleans())
def test_bthome_never_overruns_an_advert(
    soc: int, bus: int, current: int, celsius: int, charging: bool, problem: bool
) -> None:
    buffer = bytearray(31)
    power = max(-2_000_000, min(2_000_000, bus * current // 1000))
    end = bthome.pack_into(
        buffer, 7, 1, max(0, soc), bus, current, power, celsius, charging, problem
    )
    assert end <= 31


@pytest.mark.parametrize("unpack", UNPACK)
@given(data=st.binary(max_size=600))
def test_hostile_bytes_raise_value_error_and_nothing_else(
    unpack: Callable[[bytes], object], data: bytes
) -> None:
    try:
        unpack(data)
    except ValueError:
        return


@given(st.lists(st.tuples(st.sampled_from((1, 2)), st.binary(min_size=60, max_size=60))))
def test_a_list_of_receipts_of_both_versions_comes_apart(parts: list[tuple[int, bytes]]) -> None:
    receipts = [
        bytes((version,)) + noise[: wire.receipt_size(version) - 1] for version, noise in parts
    ]
    assert wire.split_receipts(b"".join(receipts)) == receipts


@given(U32, U32)
def test_time_left_is_a_signed_difference(expires_ms: int, now_ms: int) -> None:
    left_ms = wire.time_left_ms(expires_ms, now_ms)
    assert -(1 << 31) <= left_ms < 1 << 31
    assert (now_ms + left_ms) % (1 << 32) == expires_ms


def test_frames_fit_the_smallest_allowed_mtu() -> None:
    largest = max(wire.frame_size(frame_type) for frame_type in range(256))
    assert 0 < largest <= wire.MTU_MIN - 3
