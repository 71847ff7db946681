# SPDX-License-Identifier: MIT
"""ST STWLC38 receiver (STEVAL-WLC38RX) over I2C. Its transmitter mode has no public registers.

The field powers the chip: without one it does not answer, which means "no transmitter" and is no
fault. The registers follow ST's published wlc38_register.py (BSD-3). Not yet run on hardware.
"""

from drivers import qi
from wptcore import ept
from wptcore.compat import const

ADDRESS = const(0x61)
_CHIP_ID = const(0x0000)
_OP_MODE = const(0x000E)
_INTR_CLEAR = const(0x0084)
_INTR_LATCH = const(0x0088)
_STATUS = const(0x008C)
_RX_CMD = const(0x0090)
_MEASURED = const(0x0092)  # VRECT, VOUT, IOUT, die 0.1 C, frequency, NTC: u16 each
_RECEIVED = const(0x00A6)  # u16 mW
_FOD = const(0x00B6)  # 5 current thresholds, 6 gains, 6 offsets
_EPT_MESSAGE = const(0x00CF)

_ID = const(38)
_MODE_RX = const(2)
_VOUT_ON = const(1)
_VOUT_OFF = const(2)
_SEND_EPT = const(16)
_OUTPUT_ON = const(1 << 6)
_ALL_INTR = b"\xff\xff\x77\x00"

FOD_BYTES = const(17)
_GAINS_FROM = const(5)
_GAINS_TO = const(11)

FAULTS = (  # (bit of the interrupt latch, code)
    (0, ept.OVER_TEMPERATURE),
    (1, ept.OVER_CURRENT),
    (2, ept.OVER_VOLTAGE),
    (4, ept.OVER_CURRENT),
    (12, ept.UNDER_VOLTAGE),
    (3, ept.INTERNAL_FAULT),
)
_QI_CODE_MAX = const(0x0B)


class Stwlc38(qi.Driver):
    """`output`: the load switch behind it; `fod`: 17 bytes of calibration, None = unchanged."""

    def __init__(self, bus, output, sleep_ms, fod=None, address: int = ADDRESS):
        super().__init__(sleep_ms)
        if fod is not None and (len(fod) != FOD_BYTES or not any(fod[_GAINS_FROM:_GAINS_TO])):
            raise ValueError("FOD table: 17 bytes with a gain; 0 would report no received power")
        self._registers = qi.Registers(bus, address)
        self._output = output
        self._fod = fod
        self._measured = bytearray(12)
        self._errors = 0
        self._off(ept.NONE)

    def poll(self, _dt_ms: int = 0) -> qi.Reading:
        if not self.on:
            return self.reading
        try:
            code = self._look()
            self._errors = 0
        except OSError:
            self._errors += 1
            if self._errors < qi.BUS_ERRORS_MAX:
                return self.reading
            code = ept.NO_RESPONSE  # the field is gone or the chip hangs, which look the same
        if code != ept.NONE:
            self.reading.clear(code)
            self._off(code)
        return self.reading

    def _look(self) -> int:
        registers, reading = self._registers, self.reading
        latch = registers.read(_INTR_LATCH, 4)
        code = qi.first_code(latch, FAULTS)
        if code != ept.NONE:
            return code
        registers.read_into(_MEASURED, self._measured)
        reading.received_mW = registers.read(_RECEIVED, 2)
        reading.rx_present = True
        reading.die_dC = _signed(self._measured, 6)
        reading.ntc_mV = 1800 + _signed(self._measured, 10) * 3600 // 16384
        return ept.NONE

    def _try_once(self):
        self.reading.ept = ept.NO_RESPONSE
        for _ in range(0, qi.POLL_MAX_ms, qi.POLL_ms):
            yield qi.POLL_ms
            if self._ready():
                qi.drive(self._output, True)
                self._errors = 0
                self.reading.ept = ept.NONE
                self.on = True
                return

    def _ready(self) -> bool:
        """Tell whether the chip answers and gives voltage; a missing answer means no field yet."""
        registers = self._registers
        try:
            if registers.read(_CHIP_ID, 2) != _ID or registers.read(_OP_MODE, 1) != _MODE_RX:
                self.reading.ept = ept.INTERNAL_FAULT
                return False
            if self._fod is not None and not self._fod_written():
                self.reading.ept = ept.INTERNAL_FAULT
                return False
            if registers.read(_STATUS, 4) & _OUTPUT_ON:
                registers.write(_INTR_CLEAR, _ALL_INTR)
                return True
            registers.write(_RX_CMD, (_VOUT_ON, 0))
        except OSError:
            self.reading.ept = ept.NO_RESPONSE
        return False

    def _fod_written(self) -> bool:
        read_back = bytearray(FOD_BYTES)
        self._registers.read_into(_FOD, read_back)
        if bytes(read_back) == bytes(self._fod):
            return True
        self._registers.write(_FOD, self._fod)
        self._registers.read_into(_FOD, read_back)
        return bytes(read_back) == bytes(self._fod)

    def _off(self, reason: int) -> None:
        """Switch the load off, then the chip's output, and then ask the transmitter to stop."""
        was_on, self.on = self.on, False
        qi.drive(self._output, False)
        try:
            if was_on:
                self._registers.write(_RX_CMD, (_VOUT_OFF, 0))
                self._registers.write(_EPT_MESSAGE, (_qi_code(reason),))
                self._registers.write(_RX_CMD, (_SEND_EPT, 0))
        except OSError:
            pass  # no field: there is nobody to tell


def _qi_code(code: int) -> int:
    """Return Qi's own number, or 0 (unknown) for a reason that has none in Qi."""
    return code if code <= _QI_CODE_MAX else 0


def _signed(buffer, at: int) -> int:
    value = buffer[at] | buffer[at + 1] << 8
    return value - 0x10000 if value & 0x8000 else value
