# SPDX-License-Identifier: MIT
"""State of charge from a MAX17048 where the board has one, else from counted charge."""

from adafruit_bus_device.i2c_device import I2CDevice
from adafruit_register.i2c_bit import RWBit
from adafruit_register.i2c_struct import ROUnaryStruct

from wptcore.battery import CoulombCount
from wptcore.compat import const
from wptcore.settling import Settling
from wptcore.wire import SOC_UNKNOWN_permille

_SOC = const(0x04)  # Maxim 19-6171
_MODE = const(0x06)
_VERSION = const(0x08)
_CONFIG = const(0x0C)
_STATUS = const(0x1A)
_MAX1704X = const(0x001)  # upper 12 bits of the version


class _Chip:
    """The registers that are used. Adafruit's driver has all of them, which takes memory that an
    nRF52840 does not have, and resets the chip, which then guesses the charge from the voltage of
    that moment.
    """

    charge = ROUnaryStruct(_SOC, ">H")  # steps of 1/256 %
    quick_start = RWBit(_MODE, 6)
    enable_sleep = RWBit(_MODE, 5)
    version = ROUnaryStruct(_VERSION, ">H")
    sleep = RWBit(_CONFIG, 7, register_width=2, lsb_first=False)
    reset_alert = RWBit(_STATUS, 0)

    def __init__(self, bus, address: int):
        self.i2c_device = I2CDevice(bus, address)
        if self.version >> 4 != _MAX1704X:
            raise OSError("not a MAX17048")
        self.enable_sleep = False
        self.sleep = False


class FuelGauge:
    """SOC_UNKNOWN_permille when the chip does not answer, and after it has started anew until the
    cell has rested (wptcore/settling.py).
    """

    def __init__(self, bus, address: int):
        self._bus = bus
        self._address = address
        self._chip = None
        self._settling = Settling()
        self.has_restarted = False  # since the loop asked last

    def read_permille(self) -> int:
        """Return the charge, or SOC_UNKNOWN_permille when the chip does not answer."""
        try:
            if self._chip is None:
                self._chip = _Chip(self._bus, self._address)
            return self._read_permille(self._chip)
        except Exception:  # noqa: BLE001 - a gauge that fails in any way knows no charge
            return SOC_UNKNOWN_permille

    def _read_permille(self, chip) -> int:
        settling = self._settling
        if chip.reset_alert:
            self.has_restarted = self.has_restarted or settling.settled
            settling.on_reset()
        if settling.guess_due:
            chip.quick_start = True
            chip.reset_alert = False
            settling.on_guess()
        if not settling.settled:
            return SOC_UNKNOWN_permille
        return min(chip.charge * 10 // 256, 1000)

    def add(
        self, _bus_mV: int, current_mA: int, dt_ms: int, _received: bool, _cable: bool
    ) -> None:
        """Note whether the cell rests; the chip models everything else by itself."""
        self._settling.add(current_mA, dt_ms)


class CountedCharge:
    has_restarted = False  # a boot is its only start, and there the core takes nothing for granted

    def __init__(self, capacity_mJ: int):
        self._count = CoulombCount(capacity_mJ)

    def read_permille(self) -> int:
        return self._count.soc_permille

    def add(self, bus_mV: int, current_mA: int, dt_ms: int, received: bool, cable: bool) -> None:
        self._count.add(bus_mV, current_mA, dt_ms, received, cable)
