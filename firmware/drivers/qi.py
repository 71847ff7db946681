# SPDX-License-Identifier: MIT
"""The interface that both Qi drivers share: switched and stwbc86.

    follow(wanted, dt_ms)    does one step towards `wanted` and never waits; once on, it polls
    enable() -> EPT code     does the whole start-up; NONE = running. Blocks up to 3 tries of 3 s
    start()                  does the same as a generator of waits in ms
    disable(reason)          switches off in the reverse order; always works, also on a dead chip
    poll(dt_ms) -> Reading   looks once; a code in `reading.ept` means: ended, and already off

A bus is shaped like busio.I2C; a pin is a callable (machine.Pin) or has `value` (digitalio).
"""

from wptcore import ept
from wptcore.compat import const

TRIES_MAX = const(3)
POLL_MAX_ms = const(3000)
POLL_ms = const(50)
BUS_ERRORS_MAX = const(3)  # a chip that misses this many polls is locked up
SILENCE_MAX_ms = const(1800)  # Qi: control-error packets come every 250 ms, timeout 1800 ms
NOT_MEASURED = const(-32768)


class Reading:
    """The values of one poll; every poll refills the same object, so polling allocates none."""

    def __init__(self):
        self.rx_present = False  # the other side takes power; at a receiver: gives power
        self.sent_mW = NOT_MEASURED  # by the transmitter chip, into its coil
        self.received_mW = NOT_MEASURED  # by the receiver chip; at a transmitter: as reported
        self.die_dC = NOT_MEASURED
        self.ntc_mV = NOT_MEASURED
        self.ept = ept.NONE

    def clear(self, code: int) -> None:
        self.rx_present = False
        self.sent_mW = self.received_mW = self.die_dC = self.ntc_mV = NOT_MEASURED
        self.ept = code


class Registers:
    """16-bit register addresses (high byte first), little-endian values."""

    def __init__(self, bus, address: int):
        self._bus = bus
        self._address = address
        self._pointer = bytearray(2)

    def read_into(self, register: int, buffer) -> None:
        self._pointer[0] = register >> 8
        self._pointer[1] = register & 0xFF
        self._lock()
        try:
            self._bus.writeto_then_readfrom(self._address, self._pointer, buffer)
        finally:
            self._bus.unlock()

    def read(self, register: int, count: int) -> int:
        buffer = bytearray(count)
        self.read_into(register, buffer)
        return int.from_bytes(buffer, "little")

    def write(self, register: int, data) -> None:
        self._lock()
        try:
            self._bus.writeto(self._address, bytes((register >> 8, register & 0xFF)) + bytes(data))
        finally:
            self._bus.unlock()

    def _lock(self) -> None:
        if not self._bus.try_lock():
            raise OSError("bus is locked")


class Driver:
    """Starts a chip: supply, settle, enable, poll, in up to three tries; stops it in reverse."""

    def __init__(self, sleep_ms):
        self._sleep_ms = sleep_ms
        self.reading = Reading()
        self.on = False
        self._starting = None  # the generator of a start-up that `follow` steps
        self._wait_ms = 0
        self._stays_off = False  # it has ended, and the caller still wants power

    def follow(self, wanted: bool, dt_ms: int) -> Reading:
        """`dt_ms`: since the last pass. After an end it stays off until `wanted` is false."""
        if not wanted:
            self._stays_off = False
            if self.on or self._starting is not None:
                self.disable()
            return self.reading
        if not self.on and self._starting is None and not self._stays_off:
            self._starting = self.start()
            self._wait_ms = dt_ms
        if self._starting is not None:
            self._step(dt_ms)
            return self.reading
        self.poll(dt_ms)
        self._stays_off = not self.on
        return self.reading

    def _step(self, dt_ms: int) -> None:
        self._wait_ms -= dt_ms
        if self._wait_ms > 0:
            return
        for wait_ms in self._starting:
            self._wait_ms += wait_ms
            if self._wait_ms > 0:
                return
        self._starting = None
        self._stays_off = not self.on

    def enable(self) -> int:
        for wait_ms in self.start():
            self._sleep_ms(wait_ms)
        return self.reading.ept

    def start(self):
        """Yield waits in ms. If it fails or is closed early, everything is off.

        A driver that already runs is left alone.
        """
        if self.on:
            return
        try:
            for _ in range(TRIES_MAX):
                self.reading.clear(ept.NONE)
                yield from self._try_once()
                if self.on:
                    return
                self._off(ept.INTERNAL_FAULT)
        finally:
            if not self.on:
                self._off(ept.INTERNAL_FAULT)

    def disable(self, reason: int = ept.STOPPED) -> None:
        """`reason` is told to the other side where the chip can say it."""
        self._starting = None
        self.reading.clear(self.reading.ept)
        self._off(reason)

    def poll(self, dt_ms: int = 0) -> Reading:
        raise NotImplementedError

    def _try_once(self):
        """Yield waits; set `on` once the chip runs, else `reading.ept`."""
        raise NotImplementedError

    def _off(self, reason: int) -> None:
        """Switches everything off in the reverse order of `_try_once`; must not raise."""
        raise NotImplementedError


def drive(pin, on: bool) -> None:
    if pin is None:
        return
    if callable(pin):
        pin(1 if on else 0)
    else:
        pin.value = on


def first_code(bits: int, table) -> int:
    """Return the code of the first row (bit, code) whose bit is set, else NONE."""
    for bit, code in table:
        if bits >> bit & 1:
            return code
    return ept.NONE
