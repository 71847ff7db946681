# SPDX-License-Identifier: MIT
"""The emulated Qi chip is a device of the bench's I2C bus."""

from crowdcharge.bench.i2c import Bus
from crowdcharge.bench.i2c.stwbc86 import Stwbc86


def test_the_chip_answers_by_its_supply_alone():
    now_ms = 0
    chip, bus = Stwbc86(lambda: now_ms), Bus()
    bus.attach(chip)
    assert bus.scan() == []
    chip.powered = True
    now_ms = 100
    assert bus.scan() == [0x61]
    assert bus.transfer(0x61, b"\x00\x00", 2) == bytes([86, 0])
    chip.powered = False
    assert bus.scan() == []
