# SPDX-License-Identifier: MIT
"""Whatever the air does to the adverts, the energy is the same."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.boards.fleet import (
    STRANGERS_MAX,
    Fleet,
    STRANGER_FORGET_s,
    is_newer,
    odometer_rise_mJ,
)
from crowdcharge.boards.models import Beacon, Sighting
from wptcore import wire

U32 = 1 << 32
SETTINGS = settings(derandomize=True, deadline=None, max_examples=60)


def packed(epoch=1, sequence=0, sent_mJ=0, received_mJ=0, soc_permille=500, state=0):
    buffer = bytearray(wire.BEACON_SIZE)
    fields = (7, epoch, sequence, state, 0, 4000, 10, soc_permille, 250, 0)
    wire.pack_beacon_into(buffer, 0, *fields, sent_mJ % U32, received_mJ % U32)
    return bytes(buffer)


def sighting(beacon, seen_s=0.0, address="A", rssi_dBm=-50):
    return Sighting(beacon, address, rssi_dBm, seen_s)


def life(steps, start_mJ, epochs):
    """Return a board's beacons in order: odometers rise by `steps`, reboots keep them."""
    sent, received = start_mJ, start_mJ // 2
    beacons = []
    for number, (more_sent, more_received) in enumerate(steps):
        sent, received = sent + more_sent, received + more_received
        epoch = 0xFFFE + sum(number >= at for at in epochs)
        beacons.append(Beacon.unpack(packed(epoch % 0x10000, number % 256, sent, received)))
    return beacons


lives = st.builds(
    life,
    st.lists(st.tuples(st.integers(1, 90_000), st.integers(0, 90_000)), min_size=2, max_size=40),
    st.sampled_from((0, 1000, U32 - 50_000)),
    st.lists(st.integers(1, 40), max_size=3),
)


@SETTINGS
@given(lives, st.randoms(use_true_random=False))
def test_any_loss_doubling_and_order_gives_the_same_energy(beacons, rng: random.Random):
    middle = [beacon for beacon in beacons[1:-1] if rng.random() < 0.5]
    heard = [beacons[0], *middle, *middle, beacons[-1]]
    rng.shuffle(heard)
    whole, part = Fleet(), Fleet()
    for beacon in beacons:
        whole.add(sighting(beacon))
    for beacon in heard:
        part.add(sighting(beacon))
    one, other = whole.view(7), part.view(7)
    assert (one.sent_mJ, one.received_mJ) == (other.sent_mJ, other.received_mJ)
    assert one.sent_mJ == odometer_rise_mJ(beacons[0].sent_mJ, beacons[-1].sent_mJ)
    assert one.newest == other.newest == beacons[-1]


@SETTINGS
@given(lives)
def test_newer_is_a_strict_order_along_a_life(beacons):
    for earlier, later in itertools.pairwise(beacons):
        assert is_newer(later, earlier)
        assert not is_newer(earlier, later)
    assert not is_newer(beacons[0], beacons[0])


@pytest.mark.parametrize(
    ("before", "after", "rise"),
    [(0, 0, 0), (5, 9, 4), (U32 - 1, 1, 2), (9, 5, -4), (0, U32 - 1, -1)],
)
def test_the_rise_of_an_odometer_crosses_its_wrap(before, after, rise):
    assert odometer_rise_mJ(before, after) == rise


@SETTINGS
@given(st.binary(max_size=40))
def test_bytes_are_a_beacon_or_a_value_error(data):
    try:
        beacon = Beacon.unpack(data)
    except ValueError:
        return
    assert len(data) == wire.BEACON_SIZE
    assert data[:2] == bytes((wire.MAGIC, wire.VERSION))
    assert beacon.soc_pct is None or beacon.soc_pct <= 100


def test_an_unknown_charge_is_none():
    unknown = Beacon.unpack(packed(soc_permille=wire.SOC_UNKNOWN_permille))
    assert unknown.soc_pct is None


def test_a_board_is_stale_by_its_own_interval():
    fleet = Fleet()
    fleet.add(sighting(Beacon.unpack(packed(sequence=0)), 0.0))
    assert not fleet.view(7).is_stale(29.0)  # not learned yet
    assert fleet.view(7).is_stale(31.0)
    for number in range(1, 60):
        fleet.add(sighting(Beacon.unpack(packed(sequence=number)), number * 2.0))
    view = fleet.view(7)
    assert view.interval_s == pytest.approx(2.0)
    assert not view.is_stale(118 + 23.9)
    assert view.is_stale(118 + 24.1)


def test_a_board_that_is_told_of_once_a_scan_is_not_stale_between_scans():
    """Linux scans for 10.24 s, and many controllers report a board once a scan."""
    fleet = Fleet()
    for number in range(20):
        fleet.add(sighting(Beacon.unpack(packed(sequence=number)), number * 0.25))
    assert not fleet.view(7).is_stale(19 * 0.25 + 11.0)


def test_a_doubled_advert_does_not_shorten_the_interval():
    fleet = Fleet()
    for number in range(20):
        beacon = Beacon.unpack(packed(sequence=number))
        fleet.add(sighting(beacon, number * 1.0))
        fleet.add(sighting(beacon, number * 1.0 + 0.001))
    assert fleet.view(7).interval_s == pytest.approx(1.0, rel=0.01)


def test_a_stranger_cannot_displace_a_proven_board():
    fleet = Fleet()
    fleet.add(sighting(Beacon.unpack(packed(sent_mJ=5)), 0.0, "true"))
    fleet.prove(7, "true")
    fleet.add(sighting(Beacon.unpack(packed(epoch=9, sent_mJ=999)), 5.0, "false"))
    assert fleet.view(7).address == "true"
    assert [view.address for view in fleet.views()] == ["true"]
    fleet.doubt(7, "true")
    assert fleet.view(7).address == "false"


def test_a_stranger_with_ever_new_addresses_does_not_hide_the_board():
    fleet = Fleet()
    tried = set()
    for number in range(400):
        now_s = number * 0.25
        fleet.add(sighting(Beacon.unpack(packed(sequence=number % 256)), now_s, "true"))
        for more in range(3):
            fleet.add(sighting(Beacon.unpack(packed(epoch=9)), now_s, f"{number}.{more}"))
        if number % 4 == 0 and "true" not in tried:
            address = fleet.view(7).address
            tried.add(address)
            fleet.doubt(7, address)
    assert "true" in tried
    assert len(fleet._views[7]) <= 16
    assert len(fleet._doubts) <= 16


def test_a_board_that_came_back_at_another_address_is_taken():
    fleet = Fleet()
    fleet.add(sighting(Beacon.unpack(packed()), 0.0, "old"))
    fleet.prove(7, "old")
    fleet.add(sighting(Beacon.unpack(packed(sequence=1)), 29.0, "new"))
    assert fleet.view(7).address == "old"
    fleet.add(sighting(Beacon.unpack(packed(sequence=2)), 31.0, "new"))
    assert fleet.view(7).address == "new"


def numbered(board_id, soc_permille=500):
    buffer = bytearray(wire.BEACON_SIZE)
    wire.pack_beacon_into(buffer, 0, board_id, 1, 0, 0, 0, 4000, 10, soc_permille, 250, 0, 0, 0)
    return bytes(buffer)


def test_a_flood_of_strangers_costs_little_and_hides_no_board():
    fleet = Fleet(known={7})
    fleet.add(sighting(Beacon.unpack(numbered(7)), 0.0, "true"))
    for number in range(20_000):
        beacon = Beacon.unpack(numbered(100 + number))
        fleet.add(sighting(beacon, number / 1000, f"{number}"))
    assert len(fleet.views()) == STRANGERS_MAX + 1
    assert len(fleet._views) == len(fleet._strangers) + 1 == STRANGERS_MAX + 1
    assert fleet.view(7) is not None


def test_strangers_are_forgotten_and_boards_with_keys_are_not():
    fleet = Fleet(known={7})
    for board_id, seen_s in ((7, 0.0), (8, 1.0), (8, 2.0), (9, 50.0)):
        fleet.add(sighting(Beacon.unpack(numbered(board_id)), seen_s, str(board_id)))
    fleet.doubt(8, "8")
    fleet.forget_strangers(STRANGER_FORGET_s + 2.5)
    assert [view.board_id for view in fleet.views()] == [7, 9]
    assert not fleet._doubts
    fleet.forget_strangers(1e6)
    assert [view.board_id for view in fleet.views()] == [7]


@pytest.mark.parametrize(
    "data",
    [
        numbered(65535),
        b"\x42" + numbered(7)[1:],
        bytes((wire.MAGIC, 1)) + numbered(7)[2:],
        numbered(7)[1:],
        numbered(7)[:7] + b"\x05" + numbered(7)[8:],  # a state that does not exist
        numbered(7)[:9] + (26_001).to_bytes(2, "little") + numbered(7)[11:],
        numbered(7)[:13] + b"\x65" + numbered(7)[14:],  # 101 %
        numbered(0),
    ],
)
def test_what_no_board_can_say_is_no_beacon(data):
    with pytest.raises(ValueError, match="beacon"):
        Beacon.unpack(data)


def test_a_new_board_has_no_number_and_says_that_it_has_no_key():
    data = bytearray(numbered(0))
    data[7] |= wire.UNPROVISIONED
    assert Beacon.unpack(bytes(data)).board_id == 0


def test_a_beacon_of_version_1_is_recognised_and_is_no_board():
    old = b"\x01" + numbered(7)[2:]
    assert Beacon.unpack_1(old) == Beacon.unpack(numbered(7))
    with pytest.raises(ValueError, match="beacon"):
        Beacon.unpack(old)
    others = (bytes(23), b"\x02" + old[1:], old[:-1], b"\x01" + bytes(22), b"\x01" + b"\xff" * 22)
    for other in others:
        with pytest.raises(ValueError, match="beacon"):
            Beacon.unpack_1(other)
