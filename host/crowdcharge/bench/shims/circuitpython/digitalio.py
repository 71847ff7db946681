# SPDX-License-Identifier: MIT
"""CircuitPython's `digitalio`: one pin in or out."""

import machine


class Direction:
    INPUT = "digitalio.Direction.INPUT"
    OUTPUT = "digitalio.Direction.OUTPUT"


class DriveMode:
    PUSH_PULL = "digitalio.DriveMode.PUSH_PULL"


class Pull:
    UP = "digitalio.Pull.UP"
    DOWN = "digitalio.Pull.DOWN"


class DigitalInOut:
    def __init__(self, pin):
        pin._claim()
        self._claimed = pin
        self._pin = machine.Pin(pin._name, machine.Pin.IN)
        self._direction = Direction.INPUT

    def deinit(self):
        self.switch_to_input()
        self._claimed._release()

    @property
    def direction(self):
        return self._direction

    def switch_to_output(self, value=False, drive_mode=DriveMode.PUSH_PULL):
        self._pin.init(machine.Pin.OUT, value=1 if value else 0)
        self._direction = Direction.OUTPUT

    def switch_to_input(self, pull=None):
        pulls = {Pull.UP: machine.Pin.PULL_UP, Pull.DOWN: machine.Pin.PULL_DOWN}
        self._pin.init(machine.Pin.IN, pulls.get(pull, -1))
        self._direction = Direction.INPUT

    @property
    def value(self):
        return bool(self._pin.value())

    @value.setter
    def value(self, level):
        if self._direction != Direction.OUTPUT:
            raise AttributeError("Cannot set value when direction is input.")
        self._pin.value(1 if level else 0)
