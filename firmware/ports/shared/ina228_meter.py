# SPDX-License-Identifier: MIT
"""One INA228: a triggered conversion of bus and shunt, read back as integers (TI SLYS021A).

The same interface as ina219_meter.PowerMeter. The registers are used directly: Adafruit's driver
for this chip resets it, sleeps for 3 ms, and reads floats.
"""

from wptcore import calibration, ept

_CONFIG, _ADC_CONFIG, _VSHUNT, _VBUS, _DIAG_ALRT, _DEVICE_ID = 0x00, 0x01, 0x04, 0x05, 0x0B, 0x3F
_INA228 = 0x228  # an INA237 or INA238 has other steps
_RANGE_163mV = 0
_TRIGGER = 0x3900  # shunt and bus once, 540 us each: the offset of 1 uV holds above 280 us
_SHUTDOWN = 0
# Without the latch nothing clears CNVRF, and a new conversion would be taken for ready at once. It
# is zero after a brown-out, so it tells of that, too.
_ALATCH, _MATHOF, _CNVRF, _MEMSTAT = 0x8000, 0x0200, 0x0002, 0x0001
_POLLS_MAX = 50
_SHUNT_MIN, _SHUNT_MAX = -0x80000, 0x7FFFF
_SAME_MAX = 50  # the noise of a live chip is eight of its steps, so it does not repeat a value
_FLOWING_mA = 10


class PowerMeter:
    """`sample()` sets bus_mV, shunt_uV and current_mA and returns NONE or an EPT code.

    `current` and `bus_voltage` are the corrections that `crowdcharge calibrate` found, as
    (gain_ppm, offset in uA or uV). Raises OSError when the chip does not answer, or is another.
    """

    def __init__(self, bus, address: int, shunt_uOhm: int, current=(0, 0), bus_voltage=(0, 0)):
        self._bus = bus
        self._address = address
        self._shunt_uOhm = shunt_uOhm
        self._current = current
        self._bus_voltage = bus_voltage
        if self._read(_DEVICE_ID, 2) >> 4 != _INA228:
            raise OSError("not an INA228")
        self._configure()
        self.bus_mV = 0
        self.raw_bus_mV = 0
        self.shunt_uV = 0
        self.current_mA = 0
        self._raw = (0, 0)
        self._same = 0

    def _configure(self) -> None:
        self._write(_CONFIG, _RANGE_163mV)
        self._write(_DIAG_ALRT, _ALATCH)

    def rest(self) -> None:
        """Let the chip draw 5 uA in place of 0.75 mA, until it is set up anew (SLYS021A, 6.5)."""
        self._write(_ADC_CONFIG, _SHUTDOWN)

    def sample(self) -> int:
        flags = self._convert()
        if not (flags & _ALATCH and flags & _MEMSTAT):
            self._configure()
            return ept.METER_CALIBRATION
        shunt = self._read(_VSHUNT, 3) >> 4
        if shunt > _SHUNT_MAX:
            shunt -= 0x100000
        bus = self._read(_VBUS, 3) >> 4
        self._same = self._same + 1 if (bus, shunt) == self._raw else 0
        self._raw = (bus, shunt)
        bus_uV = bus * 3125 // 16  # 195.3125 uV
        self.raw_bus_mV = bus_uV // 1000
        self.bus_mV = calibration.corrected_mA(bus_uV, *self._bus_voltage)
        self.shunt_uV = (shunt * 5 + 8) // 16  # 312.5 nV
        self.current_mA = calibration.corrected_mA(
            calibration.current_uA(self.shunt_uV, self._shunt_uOhm), *self._current
        )
        if flags & _MATHOF or shunt in (_SHUNT_MIN, _SHUNT_MAX):
            return ept.METER_OVERFLOW
        stuck = self._same >= _SAME_MAX and abs(self.current_mA) > _FLOWING_mA
        return ept.METER_STUCK if stuck else ept.NONE

    def _convert(self) -> int:
        """Make one conversion; return the flags that it ended with."""
        self._write(_ADC_CONFIG, _TRIGGER)
        for _ in range(_POLLS_MAX):
            flags = self._read(_DIAG_ALRT, 2)
            if flags & _CNVRF or not flags & _ALATCH:
                return flags
        raise OSError("INA228 does not convert")

    def _read(self, register: int, size: int) -> int:
        data = bytearray(size)
        self._transfer(self._bus.writeto_then_readfrom, bytes((register,)), data)
        return int.from_bytes(data, "big")

    def _write(self, register: int, value: int) -> None:
        self._transfer(self._bus.writeto, bytes((register, value >> 8, value & 0xFF)))

    def _transfer(self, call, *buffers) -> None:
        if not self._bus.try_lock():
            raise OSError("bus is locked")
        try:
            call(self._address, *buffers)
        finally:
            self._bus.unlock()
