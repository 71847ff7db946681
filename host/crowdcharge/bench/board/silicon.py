# SPDX-License-Identifier: MIT
"""What differs from chip to chip: reset causes and the ADC. One row a chip.

Sources: `mp_machine_reset_cause` in modmachine.c of MicroPython's esp32 and rp2 ports;
CircuitPython's `ResetReason` on the nordic port; ESP32-S3 data sheet, ADC characteristics (full
scale about 3.1 V at 12 dB); RP2040 data sheet, 4.9; nRF52840 product specification, SAADC. Gains
and offsets are of the size that these pages give; noise is our estimate.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

# machine.reset_cause(); SOFTWARE is CircuitPython's own and has no number in MicroPython
PWRON, HARD, WDT, DEEP, SOFT, SOFTWARE = range(1, 7)
POWER_ON, WATCHDOG, BROWN_OUT = "power-on", "watchdog", "brown-out"
DEEP_SLEEP = "deep sleep"  # machine.deepsleep(), with esp32.wake_on_ext0()
BUTTON, COMMAND = "reset", "software reset"  # the reset pin; machine.reset()
CRASH = "crash"  # of the VM itself


@dataclass(frozen=True, slots=True)
class Adc:
    """`full_scale_mV` is what reads as 65535; `*_max` are the limits between which a chip falls.

    `calibrated`: read_uv() exists and uses the factory's calibration, with a third of the errors.
    """

    full_scale_mV: int
    gain_max_ppm: int
    offset_max_uV: int
    noise_uV: int
    calibrated: bool

    def as_dict(self) -> dict[str, int | bool]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Silicon:
    reset_causes: Mapping[str, int]
    adc: Adc
    watchdog_max_ms: int = 2**32 - 1  # a longer time-out is refused

    @property
    def sleeps(self) -> bool:
        """Does MicroPython's deep sleep leave the chip dark until it starts anew?"""
        return DEEP_SLEEP in self.reset_causes


KIND_ADC = Adc(3300, 0, 0, 0, calibrated=True)
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
    Adc(3100, 20_000, 10_000, 2_000, calibrated=True),
)
_RP2040 = Silicon(  # machine.reset() is done by the watchdog, and says so
    {POWER_ON: PWRON, WATCHDOG: WDT, BROWN_OUT: PWRON, BUTTON: PWRON, COMMAND: WDT, CRASH: WDT},
    Adc(3300, 5_000, 7_000, 1_000, calibrated=False),
    watchdog_max_ms=8388,
)
_NRF52840 = Silicon(  # its brown-out leaves no trace either
    {
        POWER_ON: PWRON,
        WATCHDOG: WDT,
        BROWN_OUT: PWRON,
        BUTTON: HARD,
        COMMAND: SOFTWARE,
        CRASH: SOFTWARE,  # a board would stay in safe mode, where no firmware runs
    },
    Adc(3300, 5_000, 5_000, 1_000, calibrated=False),
)
_BY_NAME = {"nrf52840": _NRF52840, "pico": _RP2040}


def of_board(name: str, port: str = "micropython") -> Silicon:
    """Return the silicon of a module of firmware/boards; the bench's own board is an ESP32-S3, or
    nRF52840 where it runs CircuitPython.
    """
    if port == "circuitpython":
        return _NRF52840
    return next((chip for part, chip in _BY_NAME.items() if part in name), _ESP32S3)
