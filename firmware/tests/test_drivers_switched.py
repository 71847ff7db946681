# SPDX-License-Identifier: MIT
"""The switched module: one pin, both kinds of pin object."""

from drivers import qi, switched
from wptcore import ept


class ValuePin:
    """A pin like digitalio.DigitalInOut: its level is an attribute, not a call."""

    value = None


def test_start_up_settles_and_disable_is_off():
    waits = []
    levels = []
    driver = switched.Switched(levels.append, waits.append)
    assert levels == [0]
    assert driver.enable() == ept.NONE
    assert (levels, waits) == ([0, 1], [switched.SETTLE_ms])
    driver.disable()
    assert levels[-1] == 0
    assert not driver.on


def test_a_digitalio_pin():
    pin = ValuePin()
    driver = switched.Switched(pin, lambda wait_ms: None)
    assert pin.value is False
    driver.enable()
    assert pin.value is True
    driver.disable()
    assert pin.value is False


def test_presence_is_what_the_meter_says():
    flows = [False]
    driver = switched.Switched(None, lambda wait_ms: None, lambda: flows[0])
    driver.enable()
    assert not driver.poll().rx_present
    flows[0] = True
    assert driver.poll().rx_present
    driver.disable()
    assert not driver.poll().rx_present


def test_what_it_cannot_measure_it_does_not_invent():
    driver = switched.Switched(None, lambda wait_ms: None)
    driver.enable()
    reading = driver.poll()
    assert (reading.sent_mW, reading.received_mW, reading.die_dC) == (qi.NOT_MEASURED,) * 3
    assert reading.ept == ept.NONE


def test_closing_a_start_half_way_is_off():
    levels = []
    driver = switched.Switched(levels.append, lambda wait_ms: None)
    start = driver.start()
    next(start)
    assert levels[-1] == 1
    start.close()
    assert levels[-1] == 0
    assert not driver.on
