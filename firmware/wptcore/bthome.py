# SPDX-License-Identifier: MIT
"""What a board shows in BTHome v2 (https://bthome.io/format), for home automation."""

import struct

from wptcore.compat import const
from wptcore.units import TEMPERATURE_UNKNOWN_dC, clamp
from wptcore.wire import soc_pct

UUID = const(0xFCD2)


def pack_into(
    buffer: bytearray,
    offset: int,
    packet_id: int,
    soc_permille: int,
    bus_mV: int,
    current_mA: int,
    power_mW: int,
    temperature_dC: int,
    charging: bool,
    problem: bool,
) -> int:
    """Pack BTHome v2 objects in ascending id order after the device-information byte.

    Returns the end. An unknown state of charge or temperature leaves its object out.
    """
    end = offset
    buffer[end] = 0x40  # version 2, not encrypted
    struct.pack_into("<BB", buffer, end + 1, 0x00, packet_id & 0xFF)
    end += 3
    if soc_permille <= 1000:
        struct.pack_into("<BB", buffer, end, 0x01, soc_pct(soc_permille))
        end += 2
    struct.pack_into("<BH", buffer, end, 0x0C, clamp(bus_mV, 0, 0xFFFF))
    struct.pack_into("<BB", buffer, end + 3, 0x16, 1 if charging else 0)
    struct.pack_into("<BB", buffer, end + 5, 0x26, 1 if problem else 0)
    end += 7
    if temperature_dC != TEMPERATURE_UNKNOWN_dC:
        struct.pack_into("<Bh", buffer, end, 0x45, clamp(temperature_dC, -0x7FFF, 0x7FFF))
        end += 3
    struct.pack_into("<Bi", buffer, end, 0x5C, (power_mW + 5) // 10)
    struct.pack_into("<Bh", buffer, end + 5, 0x5D, clamp(current_mA, -0x8000, 0x7FFF))
    return end + 8
