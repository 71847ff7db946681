# SPDX-License-Identifier: MIT
"""The charge pump of the pulse-fed break in time, sound or with one part open or shorted.

    pin -- R -- C -- middle --|>|-- store        middle: a diode from ground, and a resistor to it
                                                 store: a capacitor and a resistor to ground

Explicit steps. The resistor at `middle` empties the pump capacitor when the pin stands high;
without it that capacitor would feed the store through the diode and hold the break on.
"""

from dataclasses import dataclass
from functools import cache

PERIOD_ms = 40.0  # the firmware toggles the pin once a pass of 20 ms
ON_V, OFF_V = 1.0, 0.5  # TPS22918, certainly on and certainly off
SETTLE_ms, WAIT_ms = 800.0, 1200.0
WIRE_Ohm = 10.0  # a conducting diode, a short
STATES = ((False, False), (True, False), (False, True), (True, True))


@dataclass(frozen=True)
class Pump:
    """`pump_uF` None: that capacitor is shorted. A diode is "diode", "open" or "short"."""

    series_Ohm: float
    pump_uF: float | None
    drain_Ohm: float
    store_uF: float
    bleed_Ohm: float
    diode_V: float
    high_V: float
    lower: str = "diode"
    upper: str = "diode"

    @property
    def step_ms(self) -> float:
        """Short against the smallest time constant at the series resistor."""
        return min(0.2, self.series_Ohm * min(self.pump_uF or 1.0, self.store_uF) / 2500)


@dataclass(frozen=True)
class Reaction:
    """`off_ms`: after the last pulse, whatever level the pin then has; None: not in WAIT_ms."""

    holds: bool
    off_ms: float | None


@cache
def reaction(pump: Pump) -> Reaction:
    """Pulses of PERIOD_ms until steady; then the pin stands still."""
    pumped_V = held_V = 0.0
    lowest_V = pump.high_V
    for step in range(round(SETTLE_ms / pump.step_ms)):
        t_ms = step * pump.step_ms
        level_V = pump.high_V if t_ms % PERIOD_ms < PERIOD_ms / 2 else 0.0
        pumped_V, held_V = _step(pump, pumped_V, held_V, level_V)
        if t_ms >= SETTLE_ms - PERIOD_ms:
            lowest_V = min(lowest_V, held_V)
    # The last pulse ends high or low: the worse of the two counts.
    times = [_off_ms(pump, pumped_V, held_V, level_V) for level_V in (pump.high_V, 0.0)]
    known = [time for time in times if time is not None]
    return Reaction(lowest_V >= ON_V, max(known) if len(known) == len(times) else None)


def _off_ms(pump: Pump, pumped_V: float, held_V: float, level_V: float) -> float | None:
    steps, last_on = round(WAIT_ms / pump.step_ms), 0
    for step in range(1, steps + 1):
        pumped_V, held_V = _step(pump, pumped_V, held_V, level_V)
        if held_V > OFF_V:
            last_on = step
    return None if last_on == steps else last_on * pump.step_ms


def _step(pump: Pump, pumped_V: float, held_V: float, pin_V: float) -> tuple[float, float]:
    """(voltage of the pump capacitor, of the holding capacitor) after one step."""
    drive_V = pin_V if pump.pump_uF is None else pin_V - pumped_V
    low_V = 0.0 if pump.lower == "short" else -pump.diode_V
    up_V = held_V if pump.upper == "short" else held_V + pump.diode_V
    middle_V = up_A = 0.0
    for low, up in STATES:
        siemens = 1 / pump.series_Ohm + 1 / pump.drain_Ohm + (low + up) / WIRE_Ohm
        amperes = drive_V / pump.series_Ohm + (low * low_V + up * up_V) / WIRE_Ohm
        middle_V = amperes / siemens
        up_A = up * (middle_V - up_V) / WIRE_Ohm
        wants_low = pump.lower == "short" or (pump.lower == "diode" and middle_V < low_V)
        wants_up = pump.upper == "short" or (pump.upper == "diode" and middle_V > up_V)
        if (wants_low, wants_up) == (low, up):
            break
    else:  # on the edge of conducting: nothing flows
        middle_V, up_A = drive_V, 0.0
    if pump.pump_uF is not None:
        pumped_V += (drive_V - middle_V) / pump.series_Ohm * pump.step_ms * 1000 / pump.pump_uF
    held_V += (up_A - held_V / pump.bleed_Ohm) * pump.step_ms * 1000 / pump.store_uF
    return pumped_V, held_V
