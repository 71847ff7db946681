# SPDX-License-Identifier: MIT
"""Corrections that `crowdcharge calibrate` finds, in integers that stay small on 32-bit boards."""

from wptcore.compat import const

GAIN_MAX_ppm = const(50_000)
OFFSET_MAX_uA = const(20_000)


def current_uA(shunt_uV: int, shunt_uOhm: int) -> int:
    """Apply Ohm's law; the voltage across the shunt is 320 mV at most."""
    return shunt_uV * 1000 // shunt_uOhm * 1000 + shunt_uV * 1000 % shunt_uOhm * 1000 // shunt_uOhm


def corrected_mA(raw_uA: int, gain_ppm: int, offset_uA: int) -> int:
    """Return (raw - offset) x (1 + gain), rounded half up."""
    raw_uA -= offset_uA
    return (raw_uA + raw_uA // 1000 * gain_ppm // 1000 + 500) // 1000


def curve_hash(sha256, values) -> str:
    """Hashes a loss curve's four numbers; a board ignores a curve whose hash differs."""
    digest = sha256(",".join(str(value) for value in values).encode()).digest()
    return "".join("%02x" % byte for byte in digest[:8])
