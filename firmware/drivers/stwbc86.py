# SPDX-License-Identifier: MIT
"""ST STWBC86 transmitter (STEVAL-WBC86TX) over I2C, used as a transmitter only.

The registers follow ST's published wbc86_register.py and stwbc86.c (both BSD-3). The chip pings by
itself after power-up, so it is held in reset while the supply settles and silenced before its
FOD threshold is set. Not yet run on hardware.
"""

from drivers import qi
from wptcore import ept
from wptcore.compat import const

ADDRESS = const(0x61)
_CHIP_ID = const(0x0000)
_OP_MODE = const(0x000E)
_MEASURED = const(0x0040)  # VRECT, VIN, ICUR, die 0.1 C, NTC, ADC, frequency: u16 each
_POWERS = const(0x006E)  # u16 mW as the receiver reports, u16 mW sent
_INTR_CLEAR = const(0x00C4)
_INTR_LATCH = const(0x00C8)
_TX_CMD = const(0x00D0)
_FOD_THRESHOLD = const(0x00E0)
_EPT_REASON = const(0x00E6)

_ID = const(86)
_MODE_TX = const(3)
_TX_EN = const(1)
_TX_DIS = const(2)
_ALL_INTR = b"\xff\xff\x07\x00"
_RP_PACKET = const(1 << 4)
_CE_PACKET = const(1 << 5)
_EPT_SEEN = const(1 << 10)
_PING = const(1 << 11)

SUPPLY_SETTLE_ms = const(20)
BOOT_ms = const(50)  # after reset, as in stwbc86.c
FOD_STEP_mW = const(32)

LATCHED = (  # (bit of the interrupt latch, code); the EPT reasons have another order
    (0, ept.OVER_TEMPERATURE),
    (1, ept.OVER_CURRENT),
    (2, ept.OVER_VOLTAGE),
    (17, ept.FOREIGN_OBJECT),
    (3, ept.INTERNAL_FAULT),
)
FAULTS = (  # (bit of the EPT reason, code): these count in every phase
    (2, ept.OVER_TEMPERATURE),
    (1, ept.OVER_CURRENT),
    (0, ept.OVER_VOLTAGE),
    (3, ept.FOREIGN_OBJECT),
    (9, ept.INTERNAL_FAULT),
)
ENDS = FAULTS + (  # these count once a receiver was met; before, they mean that none is there
    (5, ept.PEER_ENDED),
    (4, ept.STOPPED),
    (6, ept.NO_RESPONSE),
    (7, ept.NO_RESPONSE),
    (10, ept.NO_RESPONSE),
    (8, ept.RESTART),
    (11, ept.NEGOTIATION_FAILURE),
    (12, ept.NEGOTIATION_FAILURE),
    (13, ept.NEGOTIATION_FAILURE),
    (14, ept.NEGOTIATION_FAILURE),
    (15, ept.NEGOTIATION_FAILURE),
    (16, ept.NEGOTIATION_FAILURE),
    (17, ept.NEGOTIATION_FAILURE),
    (18, ept.NEGOTIATION_FAILURE),
)


class Stwbc86(qi.Driver):
    """`supply`, `reset`: pins; a low pin holds the reset. ValueError: FOD would be off."""

    def __init__(
        self, bus, supply, reset, sleep_ms, fod_threshold_mW: int, address: int = ADDRESS
    ):
        super().__init__(sleep_ms)
        self._fod = fod_threshold_mW // FOD_STEP_mW
        if not 0 < self._fod < 256:
            raise ValueError("FOD threshold must be 32 to 8160 mW: 0 would switch FOD off")
        self._registers = qi.Registers(bus, address)
        self._supply = supply
        self._reset = reset
        self._measured = bytearray(14)
        self._powers = bytearray(4)
        self._errors = 0
        self._silence_ms = 0
        self._met = False
        self.lockups = 0
        self._off(ept.NONE)

    def poll(self, dt_ms: int = 0) -> qi.Reading:
        """`dt_ms`: since the last poll. A receiver that is silent for 1.8 s has gone."""
        if not self.on:
            return self.reading
        try:
            code = self._look(dt_ms)
            self._errors = 0
        except OSError:
            self._errors += 1
            if self._errors < qi.BUS_ERRORS_MAX:
                return self.reading
            self.lockups += 1  # the supply switch and the next reset pulse bring it back
            code = ept.INTERNAL_FAULT
        if code != ept.NONE:
            self.reading.clear(code)
            self._off(code)
        return self.reading

    def wake(self) -> None:
        """Close the supply alone: a chip that is powered past another break pings by itself."""
        qi.drive(self._supply, True)
        qi.drive(self._reset, True)

    def _look(self, dt_ms: int) -> int:
        registers, reading = self._registers, self.reading
        latch = registers.read(_INTR_LATCH, 4)
        if latch:
            registers.write(_INTR_CLEAR, latch.to_bytes(4, "little"))
        if latch & (_CE_PACKET | _RP_PACKET):
            self._met = True
            self._silence_ms = 0
        else:
            self._silence_ms += dt_ms
        code = self._ended(latch)
        if code == ept.NONE:
            registers.read_into(_MEASURED, self._measured)
            registers.read_into(_POWERS, self._powers)
            reading.rx_present = self._met
            reading.die_dC = _signed(self._measured, 6)
            reading.ntc_mV = _unsigned(self._measured, 8) * 1500 // 4096
            reading.received_mW = _unsigned(self._powers, 0)
            reading.sent_mW = _unsigned(self._powers, 2)
        return code

    def _ended(self, latch: int) -> int:
        code = qi.first_code(latch, LATCHED)
        if code == ept.NONE and latch & _EPT_SEEN:
            reason = self._registers.read(_EPT_REASON, 3)
            code = qi.first_code(reason, ENDS if self._met else FAULTS)
        if code != ept.NONE:
            return code
        if self._registers.read(_FOD_THRESHOLD, 1) != self._fod:
            return ept.INTERNAL_FAULT  # the chip restarted by itself, with FOD at its default
        if self._met and self._silence_ms > qi.SILENCE_MAX_ms:
            return ept.NO_RESPONSE
        return ept.NONE

    def _try_once(self):
        qi.drive(self._reset, False)
        qi.drive(self._supply, True)
        yield SUPPLY_SETTLE_ms
        qi.drive(self._reset, True)
        yield BOOT_ms
        try:
            self._prepare()
            for _ in range(0, qi.POLL_MAX_ms, qi.POLL_ms):
                yield qi.POLL_ms
                if self._registers.read(_INTR_LATCH, 4) & _PING:
                    self._errors = 0
                    self._met = False
                    self.on = True
                    return
            self.reading.ept = ept.NO_RESPONSE
        except OSError:
            self.reading.ept = ept.INTERNAL_FAULT

    def _prepare(self) -> None:
        """Silences and checks the chip, sets the FOD threshold, and only then enables it.

        Raises OSError when the chip is not the expected one or loses its threshold.
        """
        registers = self._registers
        registers.write(_TX_CMD, (_TX_DIS, 0))
        if registers.read(_CHIP_ID, 2) != _ID or registers.read(_OP_MODE, 1) != _MODE_TX:
            raise OSError("not an STWBC86 in transmitter mode")
        registers.write(_FOD_THRESHOLD, (self._fod,))
        if registers.read(_FOD_THRESHOLD, 1) != self._fod:
            raise OSError("FOD threshold did not stay")
        registers.write(_INTR_CLEAR, _ALL_INTR)
        registers.write(_TX_CMD, (_TX_EN, 0))

    def _off(self, _reason: int) -> None:
        was_on, self.on = self.on, False
        try:
            if was_on:
                self._registers.write(_TX_CMD, (_TX_DIS, 0))
        except OSError:
            pass  # a chip that does not answer is reset and loses its supply below
        qi.drive(self._reset, False)
        qi.drive(self._supply, False)


def _unsigned(buffer, at: int) -> int:
    return buffer[at] | buffer[at + 1] << 8


def _signed(buffer, at: int) -> int:
    value = _unsigned(buffer, at)
    return value - 0x10000 if value & 0x8000 else value
