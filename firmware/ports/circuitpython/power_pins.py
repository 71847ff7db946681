# SPDX-License-Identifier: MIT
"""The pins that let power flow. code.py takes them before it imports anything else of ours.

A pin of -1 is not fitted; the others are names of the `board` module.
"""

import board
import digitalio


class PowerPins:
    """`pins`: the generated board module. Everything is off from here on."""

    def __init__(self, pins):
        self._coil = output(pins.TX_ENABLE_PIN, False)
        self._receiver = output(pins.RX_ENABLE_PIN, False)
        self._pulse = output(getattr(pins, "TX_PULSE_PIN", -1), False)

    def set_coil(self, on: bool) -> None:
        if self._coil is not None:
            self._coil.value = on

    def set_receiver(self, on: bool) -> None:
        if self._receiver is not None:
            self._receiver.value = on

    def pulse(self) -> None:
        """Give one edge to the second break, which opens when the edges stop."""
        if self._pulse is not None:
            self._pulse.value = not self._pulse.value

    def off(self) -> None:
        """Switches off what transmits first; a pin that fails does not keep the others on."""
        try:
            self.set_coil(False)
        finally:
            self.set_receiver(False)


def output(name, level: bool):
    if name == -1:
        return None
    pin = digitalio.DigitalInOut(getattr(board, name))
    pin.switch_to_output(value=level)
    return pin
