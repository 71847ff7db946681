# SPDX-License-Identifier: MIT
"""Which path a board is reached by, with radios whose every answer the test decides."""

import asyncio

import pytest

from crowdcharge.errors import NoAdapter, RadioError
from crowdcharge.radio import open_radios
from crowdcharge.radio.advert_data import manufacturer_data
from crowdcharge.radio.base import Advert, Proxy, is_noise_key
from crowdcharge.radio.many_radios import ManyRadios

BOARD = "C0:DE:00:00:00:01"


class TestedRadio:
    """A radio without hardware; it hears what `hear` is told and connects while `answers`."""

    __test__ = False
    is_disputed = False
    trouble = ""

    def __init__(self, name, slots=2, deaf_after_s=3.0):
        self.name, self.slots, self.deaf_after_s = name, slots, deaf_after_s
        self.is_up = self.answers = self.starts = True
        self.tries = self.connected = 0
        self.on_advert = None

    def room(self, _address):
        return self.slots - self.connected

    async def reclaim(self):
        pass

    async def start_scan(self, on_advert):
        if not self.starts:
            raise NoAdapter(f"{self.name} is broken")
        self.on_advert = on_advert

    async def stop_scan(self):
        self.on_advert = None

    async def close(self):
        await self.stop_scan()

    def hear(self, rssi_dBm, address=BOARD):
        self.on_advert(Advert(address, rssi_dBm, b"", self.name))

    async def connect(self, address, on_closed):
        self.tries += 1
        if not self.answers:
            raise RadioError(f"{self.name}: nobody answers")
        await asyncio.sleep(0.05)
        self.connected += 1
        return self


@pytest.fixture
async def pair():
    near, far = TestedRadio("near"), TestedRadio("far")
    told = []
    radio = ManyRadios([near, far], told.append)
    await radio.start_scan(lambda _: None)
    near.hear(-50)
    far.hear(-70)
    yield radio, near, far, told
    await radio.close()


async def test_the_louder_one_is_taken(pair):
    radio, near, far, _ = pair
    assert radio.hearing(BOARD) == {"near": -50, "far": -70}
    assert await radio.connect(BOARD, lambda: None) is near
    assert radio.radio_of(BOARD) == "near"


async def test_a_try_that_fails_goes_on_by_the_next_and_is_remembered(pair):
    radio, near, far, _ = pair
    near.answers = False
    assert await radio.connect(BOARD, lambda: None) is far
    assert list(radio.hearing(BOARD)) == ["far", "near"]
    assert await radio.connect(BOARD, lambda: None) is far
    assert near.tries == 1


async def test_two_at_once_share_the_radios_unless_one_is_much_weaker(pair):
    radio, near, far, _ = pair
    for address in ("A", "B"):
        near.hear(-60, address)
        far.hear(-66, address)
    near.hear(-60, "C")
    far.hear(-95, "C")
    await asyncio.sleep(1.0)  # no address is new
    links = await asyncio.gather(*(radio.connect(each, lambda: None) for each in "AB"))
    assert links == [near, far]
    near.connected = 0
    links = await asyncio.gather(*(radio.connect(each, lambda: None) for each in "AC"))
    assert links == [near, near]


async def test_a_doubted_path_comes_last(pair):
    radio, near, far, _ = pair
    await radio.connect(BOARD, lambda: None)
    radio.doubt(BOARD)
    assert list(radio.hearing(BOARD)) == ["far", "near"]


async def test_no_room_is_seen_before_any_try(pair):
    radio, near, far, _ = pair
    near.connected = near.slots
    assert await radio.connect(BOARD, lambda: None) is far
    assert near.tries == 0
    far.connected = far.slots
    with pytest.raises(RadioError, match="no radio that hears it has a connection left"):
        await radio.connect(BOARD, lambda: None)
    assert (near.tries, far.tries) == (0, 1)


async def test_only_connections_of_radios_that_hear_a_board_crowd_it():
    here, there = TestedRadio("here", slots=1), TestedRadio("there", slots=1)
    radio = ManyRadios([here, there])
    await radio.start_scan(lambda _: None)
    here.hear(-50, "A")
    there.hear(-50, "B")
    here.hear(-50, "C")
    await radio.connect("A", lambda: None)
    await radio.connect("B", lambda: None)
    assert radio.crowding("C") == {"A"}
    await radio.close()


async def test_a_radio_that_fell_away_is_no_path_and_its_slots_do_not_count(pair):
    radio, near, far, told = pair
    assert radio.slots == 4
    near.is_up = False
    assert radio.slots == 2
    assert list(radio.hearing(BOARD)) == ["far"]
    near.starts = False
    await asyncio.sleep(1.2)
    assert told == ["near was lost; the other radios go on", "near is broken"]
    near.is_up = near.starts = True
    await asyncio.sleep(2.0)
    assert told[2:] == ["near is back"]


async def test_one_that_does_not_start_is_told_once_and_the_rest_works():
    good, bad = TestedRadio("good"), TestedRadio("bad")
    bad.starts = False
    told = []
    radio = ManyRadios([bad, good], told.append)
    for _ in range(2):  # as a run does: once to see whether it works
        await radio.start_scan(lambda _: None)
        await radio.stop_scan()
    assert told == ["bad is broken"]
    good.starts = False
    other = ManyRadios([bad, good], told.append)
    with pytest.raises(NoAdapter, match="bad is broken; good is broken"):
        await other.start_scan(lambda _: None)


async def test_what_nobody_hears_is_an_error(pair):
    with pytest.raises(RadioError, match="is heard by no radio"):
        await pair[0].connect("C0:DE:00:00:00:02", lambda: None)


def test_the_companys_structure_is_found_among_others():
    advert = bytes.fromhex("02010605ffffff010203ff1234")
    assert manufacturer_data(advert, 0xFFFF) == b"\1\2"
    assert manufacturer_data(advert, 0x3412) == b""
    assert manufacturer_data(advert, 0x0001) is None
    for cut in range(len(advert)):
        manufacturer_data(advert[:cut], 0xFFFF)


def test_a_name_without_a_port_is_short():
    assert Proxy("kitchen.local").name == "kitchen.local"
    assert Proxy("::1", 7).name == "[::1]:7"


@pytest.mark.parametrize(
    ("key", "good"),
    [("A" * 43 + "=", True), ("A" * 44, False), ("x", False), ("é" * 44, False), ("", False)],
)
def test_a_key_is_32_bytes_in_base64(key, good):
    assert is_noise_key(key) is good


def test_a_proxy_that_is_named_twice_is_used_once():
    told = []
    open_radios([], [Proxy("a"), Proxy("b"), Proxy("a", key="k")], 7, told.append)
    assert told == ["proxy a is named twice; it is used once"]
