# SPDX-License-Identifier: MIT
"""The pins that let power flow. main.py takes them before it imports anything else of ours."""

import machine


class PowerPins:
    """`pins`: the generated board module. Everything is off from here on."""

    def __init__(self, pins):
        self._coil = output(pins.TX_ENABLE_PIN, 0)
        self._receiver = output(pins.RX_ENABLE_PIN, 0)
        self._pulse = output(getattr(pins, "TX_PULSE_PIN", -1), 0)

    @property
    def coil(self):
        """The pin of the transmitter's supply, for a Qi chip's driver; None: not fitted."""
        return self._coil

    def set_coil(self, on: bool) -> None:
        if self._coil is not None:
            self._coil.value(1 if on else 0)

    def set_receiver(self, on: bool) -> None:
        if self._receiver is not None:
            self._receiver.value(1 if on else 0)

    def pulse(self) -> None:
        """Give one edge to the second break, which opens when the edges stop."""
        if self._pulse is not None:
            self._pulse.value(1 - self._pulse.value())

    def off(self) -> None:
        """Switches off what transmits first; a pin that fails does not keep the others on."""
        try:
            self.set_coil(False)
        finally:
            self.set_receiver(False)


def output(pin: int, level: int):
    return machine.Pin(pin, machine.Pin.OUT, value=level) if pin >= 0 else None
