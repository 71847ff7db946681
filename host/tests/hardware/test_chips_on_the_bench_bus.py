# SPDX-License-Identifier: MIT
"""The emulated Qi chips are devices of the bench's I2C bus, and both want the one address."""

import pytest

from crowdcharge.bench.i2c import Bus, Device
from crowdcharge.bench.i2c.stwbc86 import Stwbc86
from crowdcharge.bench.i2c.stwlc38 import Stwlc38


@pytest.fixture
def now():
    return [0]


def test_chips_answer_by_supply_and_field_alone(now):
    sender, receiver = Stwbc86(lambda: now[0]), Stwlc38(lambda: now[0])
    buses = [Bus(), Bus()]
    chips: list[Device] = [sender, receiver]
    for bus, chip in zip(buses, chips, strict=True):
        bus.attach(chip)
        assert bus.scan() == []
    sender.powered = receiver.field = True
    now[0] += 100
    assert [bus.scan() for bus in buses] == [[0x61], [0x61]]
    assert buses[0].transfer(0x61, b"\x00\x00", 2) == bytes([86, 0])
    assert buses[1].transfer(0x61, b"\x00\x00", 2) == bytes([38, 0])
    sender.powered = receiver.field = False
    assert [bus.scan() for bus in buses] == [[], []]


def test_on_one_bus_they_clash(now):
    """Pitfall 12: the second one hides the first, so a node gives each a bus of its own."""
    bus = Bus()
    bus.attach(Stwbc86(lambda: now[0]))
    bus.attach(Stwlc38(lambda: now[0]))
    assert len(bus._devices) == 1
