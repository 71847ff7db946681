# SPDX-License-Identifier: MIT
"""What differs from chip to chip: resets, pins, bus errors and the ADC. One row a chip.

Sources, of MicroPython's esp32 and rp2 ports: `mp_machine_reset_cause` in modmachine.c,
machine_pin.h, machine_pin.c, machine_i2c.c, machine_adc.c; of CircuitPython's nordic and espressif
ports: `port_init` and the handlers of faults in supervisor/port.c, and of common-hal busio/I2C.c,
analogio/AnalogIn.c, watchdog/WatchDogTimer.c, nvm/ByteArray.c, microcontroller/Processor.c;
ESP32-S3 data sheet, ADC characteristics (full scale by attenuation); RP2040 data sheet, 4.9;
nRF52840 product specification, SAADC. Gains and offsets are of the size that these pages give;
noise is our estimate.
"""

import errno
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import chain

# machine.reset_cause(); the last two are CircuitPython's own and have no number in MicroPython
PWRON, HARD, WDT, DEEP, SOFT, SOFTWARE, BROWNOUT = range(1, 8)
POWER_ON, WATCHDOG, BROWN_OUT = "power-on", "watchdog", "brown-out"
DEEP_SLEEP = "deep sleep"  # machine.deepsleep(), with esp32.wake_on_ext0()
BUTTON, COMMAND = "reset", "software reset"  # the reset pin; machine.reset()
CRASH = "crash"  # of the VM itself


@dataclass(frozen=True, slots=True)
class Adc:
    """`full_scales_mV` is what reads as 65535, by attenuation where a chip has one, the least
    first and in force at the start; `*_max` are the limits between which a chip falls.

    `calibrated`: read_uv() exists and uses the factory's calibration, with a third of the errors.
    """

    full_scales_mV: tuple[int, ...]
    gain_max_ppm: int
    offset_max_uV: int
    noise_uV: int
    calibrated: bool

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Start:
    """How a chip comes up: what machine.reset_cause() says, and CircuitPython's reason for safe
    mode, where no program of ours runs but safemode.py.
    """

    cause: int
    safe_mode: str = "NONE"


@dataclass(frozen=True, slots=True)
class Pins:
    """What the port's table of pins has, as bits: `gpio`, and of these `analogue`."""

    gpio: int
    analogue: int


@dataclass(frozen=True, slots=True)
class Silicon:
    """`nak`: the errno of an address and of data that nothing acknowledges. `i2c_by_pin`: a bus
    takes only the pins that are its own.
    """

    reset_causes: Mapping[str, int]
    adc: Adc
    pins: Pins
    nak: tuple[int, int]
    i2c_by_pin: bool = False
    watchdog_max_ms: int = 2**32 - 1  # a longer time-out is refused
    safe_modes: Mapping[str, str] = field(default_factory=dict)
    nvm_is_blob: bool = False  # a write erases all of CircuitPython's nvm, then stores it as one
    nvm_write_ms: int = 127  # the program stands still; nRF52840: 85 for the erase, 41 us a word
    watchdog_ends: bool = False  # with CircuitPython's program, unless an exception ended that

    @property
    def sleeps(self) -> bool:
        """Does MicroPython's deep sleep leave the chip dark until it starts anew?"""
        return DEEP_SLEEP in self.reset_causes

    def refusals(self, board: str) -> dict[str, object]:
        """Return what the VM's `machine` needs to know to refuse what this board's port does."""
        return {
            "watchdog_max_ms": self.watchdog_max_ms,
            "gpio": self.pins.gpio,
            "analogue": self.pins.analogue,
            "analogue_names": ANALOGUE_NAMES.get(board, ()),
            "nak": self.nak,
            "i2c_by_pin": self.i2c_by_pin,
            "nvm_is_blob": self.nvm_is_blob,
            "nvm_write_ms": self.nvm_write_ms,
            "watchdog_ends": self.watchdog_ends,
        }

    def start(self, cause: str, vbus: bool) -> Start:
        """Return the start after `cause`; one that is not known is a crash, as of the VM."""
        if cause not in self.reset_causes:
            cause = CRASH
        safe_mode = self.safe_modes.get(cause, "NONE")
        if cause == WATCHDOG and not vbus:
            safe_mode = "NONE"
        return Start(self.reset_causes[cause], safe_mode)


def _bits(numbers: Iterable[int]) -> int:
    return sum(1 << number for number in numbers)


KIND_ADC = Adc((3300,), 0, 0, 0, calibrated=True)
_ESP32S3 = Silicon(  # its reset pin and a brown-out read as power-on
    {
        POWER_ON: PWRON,
        WATCHDOG: WDT,
        BROWN_OUT: PWRON,
        BUTTON: PWRON,
        COMMAND: HARD,
        CRASH: HARD,  # ESP_RST_PANIC: as machine.reset()
        DEEP_SLEEP: DEEP,
    },
    Adc((950, 1250, 1750, 3100), 20_000, 10_000, 2_000, calibrated=True),
    # 19 and 20 are USB's, 26 to 32 the flash's and the PSRAM's, 47 and 48 of larger packages.
    Pins(_bits(chain(range(19), (21,), range(33, 47))), _bits(range(1, 19))),
    (errno.ENODEV, errno.ENODEV),
)
# With PSRAM of eight wires these carry it.
_ESP32S3_OCTAL = replace(
    _ESP32S3, pins=replace(_ESP32S3.pins, gpio=_ESP32S3.pins.gpio & ~_bits(range(33, 38)))
)
_RP2040 = Silicon(  # machine.reset() is done by the watchdog, and says so
    {POWER_ON: PWRON, WATCHDOG: WDT, BROWN_OUT: PWRON, BUTTON: PWRON, COMMAND: WDT, CRASH: WDT},
    Adc((3300,), 5_000, 7_000, 1_000, calibrated=False),
    Pins(_bits(range(30)), _bits(range(26, 30))),
    (errno.EIO, errno.EIO),
    i2c_by_pin=True,
    watchdog_max_ms=8388,
)
_NRF52840 = Silicon(  # a warning of falling supply and a hard fault restart it by software
    {
        POWER_ON: PWRON,
        WATCHDOG: WDT,
        BROWN_OUT: SOFTWARE,
        BUTTON: HARD,
        COMMAND: SOFTWARE,
        CRASH: SOFTWARE,
    },
    Adc((3300,), 5_000, 5_000, 1_000, calibrated=False),
    Pins(0, 0),  # its pins have names
    (errno.ENODEV, errno.EIO),
    # The watchdog's only while USB is plugged in: somebody may be editing code.py.
    safe_modes={WATCHDOG: "WATCHDOG", BROWN_OUT: "BROWNOUT", CRASH: "HARD_FAULT"},
)
# Under CircuitPython, whose pins have names: a panic reads as a reset by software. The watchdog of
# a program is the task's, which is no reason for safe mode.
_ESP32S3_CIRCUITPYTHON = replace(
    _ESP32S3,
    reset_causes={
        POWER_ON: PWRON,
        WATCHDOG: WDT,
        BROWN_OUT: BROWNOUT,
        BUTTON: PWRON,
        COMMAND: SOFTWARE,
        CRASH: SOFTWARE,
    },
    pins=Pins(0, 0),
    safe_modes={BROWN_OUT: "BROWNOUT", CRASH: "HARD_FAULT"},
    nvm_is_blob=True,
    nvm_write_ms=150,  # two or three sectors of 45 ms and 32 pages: our estimate
    watchdog_ends=True,
)
_BY_NAME = {"nrf52840": _NRF52840, "pico": _RP2040, "xiao_esp32s3": _ESP32S3_OCTAL}
ANALOGUE_NAMES = {  # hardware/mcus.toml, and a test compares
    "feather_nrf52840": ("A0", "A1", "A2", "A3", "A4", "A5"),
    "feather_esp32s3_cp": ("A5", "D5", "D6", "D9", "D10"),
    "xiao_nrf52840": ("D0", "D1", "D2", "D3", "D4", "D5", "SDA", "SCL"),
}


def of_board(name: str, port: str = "micropython") -> Silicon:
    """Return the silicon of a module of firmware/boards; the bench's own board is an ESP32-S3, or
    nRF52840 where it runs CircuitPython.
    """
    if port == "circuitpython":
        return _ESP32S3_CIRCUITPYTHON if "esp32s3" in name else _NRF52840
    return next((chip for part, chip in _BY_NAME.items() if part in name), _ESP32S3)
