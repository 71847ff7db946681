# SPDX-License-Identifier: MIT
"""Integer helpers. Everything in the core is an int: mV, mA, mW, mJ, ms, deci-degrees."""

U32_MODULO = 1 << 32
TEMPERATURE_UNKNOWN_dC = -0x8000  # no thermistor is fitted


def clamp(value: int, low: int, high: int) -> int:
    """Limit a value. MicroPython's struct checks no ranges, so fields are clamped first."""
    if value < low:
        return low
    if value > high:
        return high
    return value


def power_mW(bus_mV: int, current_mA: int) -> int:
    """Multiply, rounding half up; 26 V x 3.2 A stays a small int on a 32-bit port."""
    return (bus_mV * current_mA + 500) // 1000


def odometer_delta_mJ(before_mJ: int, after_mJ: int) -> int:
    """Subtract two u32 odometer readings, across at most one wrap (1193 Wh)."""
    return (after_mJ - before_mJ) % U32_MODULO
