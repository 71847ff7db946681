# SPDX-License-Identifier: MIT
"""The bytes of AirFuel's Bluetooth profile; docs/reference/airfuel.md has each field's source.

PTU is the power transmitting unit (a GATT client), PRU the power receiving unit (a server). All
little-endian. `pack_*` clamps each field, `unpack_*` raises only ValueError. Reserved bits are
packed as 0 and ignored when unpacked.
"""

import struct

from wptcore.compat import const
from wptcore.units import clamp

SERVICE = const(0xFFFE)
PRU_CONTROL = "6455e670-a146-11e2-9e96-0800200c9a67"  # write
PTU_STATIC = "6455e670-a146-11e2-9e96-0800200c9a68"  # write
PRU_ALERT = "6455e670-a146-11e2-9e96-0800200c9a69"  # read, notify, indicate
PRU_STATIC = "6455e670-a146-11e2-9e96-0800200c9a6a"  # read
PRU_DYNAMIC = "6455e670-a146-11e2-9e96-0800200c9a6b"  # read

# From the handle of the service to that of PRU_CONTROL, the first value. A PTU may count all
# handles like this instead of asking for them, so the order of the values is fixed.
CONTROL_OFFSET = const(2)

# the longest times that the profile allows a PTU
CONNECT_MAX_ms = const(50)  # from the advert to the request for a connection
ENABLE_MAX_ms = const(500)  # from the advert to the first control
DYNAMIC_MAX_ms = const(250)  # from one read of the dynamic values to the next

# enables of a control
OUTPUT = const(0x80)
INDICATOR = const(0x40)
# permission of a control
PERMITTED = const(0x00)
DENIED = const(0x80)  # this and all above it, which give a reason

# validity of dynamic values
VOUT = const(0x80)
IOUT = const(0x40)
TEMPERATURE = const(0x20)

# alerts
OVER_VOLTAGE = const(0x80)
OVER_CURRENT = const(0x40)
OVER_TEMPERATURE = const(0x20)
SELF_PROTECTION = const(0x10)
CHARGE_COMPLETE = const(0x08)
WIRED_CHARGER = const(0x04)
CHARGE_PORT = const(0x02)  # in dynamic values only: the output is on

_CONTROL = "<BBBH"
CONTROL_SIZE = const(5)
_PTU_STATIC = "<BBBBHBBBBBHI"
PTU_STATIC_SIZE = const(17)
_PRU_STATIC = "<BBBBBBBBHHHHI"
PRU_STATIC_SIZE = const(20)
_DYNAMIC = "<BHHHHBHHHBBH"
DYNAMIC_SIZE = const(20)
ALERT_SIZE = const(1)

_PROTOCOL_1_2_1 = const(0)
_COLDEST_C = const(-40)
_PRECT_STEP_mW = const(100)
_ADVERT = "<BBBBBHHBB"
_FLAGS = (2, 0x01, 0x06)
_SERVICE_DATA_16 = const(0x16)
_RSSI_UNKNOWN = const(0xFF)


def _u8(value: int) -> int:
    return clamp(value, 0, 0xFF)


def _u16(value: int) -> int:
    return clamp(value, 0, 0xFFFF)


def _unpack(layout: str, size: int, what: str, data: bytes) -> tuple:
    if len(data) != size:
        raise ValueError("%s of %d bytes instead of %d" % (what, len(data), size))
    return struct.unpack(layout, data)


def pack_control(enables: int, permission: int, time_set: int = 0) -> bytes:
    """`time_set`: validity of a load change, in 10 ms; 0: none is asked for."""
    return struct.pack(_CONTROL, _u8(enables), _u8(permission), _u8(time_set), 0)


def unpack_control(data: bytes) -> tuple:
    """Return (enables, permission, time_set)."""
    return _unpack(_CONTROL, CONTROL_SIZE, "PRU control", data)[:3]


def pack_ptu_static(power: int, ptu_class: int, devices_max: int) -> bytes:
    """`power` and `ptu_class`: codes of the profile; impedance and resistance stay unsaid."""
    head = (0, _u8(power), 0, 0, 0, _u8(ptu_class - 1), 0, 0, _PROTOCOL_1_2_1)
    return struct.pack(_PTU_STATIC, *(head + (_u8(devices_max - 1), 0, 0)))


def unpack_ptu_static(data: bytes) -> tuple:
    """Return (validity, power, source impedance, load resistance, class, hardware, firmware,
    protocol, devices): class and devices counted from 1, all else in codes of the profile.
    """
    fields = _unpack(_PTU_STATIC, PTU_STATIC_SIZE, "PTU static", data)
    return fields[:4] + (fields[5] + 1,) + fields[6:9] + (fields[9] + 1,)


def pack_pru_static(power_max_mW: int, min_mV: int, high_mV: int, set_mV: int) -> bytes:
    """Pack a receiver of no category, with the least capabilities."""
    power = _u8(power_max_mW // _PRECT_STEP_mW)
    volts = (_u16(min_mV), _u16(high_mV), _u16(set_mV))
    return struct.pack(_PRU_STATIC, *((0, _PROTOCOL_1_2_1, 0, 0, 0, 0, 0, power) + volts + (0, 0)))


def unpack_pru_static(data: bytes) -> tuple:
    """Return (validity, protocol, category, information, hardware, firmware, power_max_mW,
    min_mV, high_mV, set_mV, delta_R1 in 0.01 Ohm).
    """
    fields = _unpack(_PRU_STATIC, PRU_STATIC_SIZE, "PRU static", data)
    return fields[:2] + fields[3:7] + (fields[7] * _PRECT_STEP_mW,) + fields[8:12]


def pack_dynamic(
    validity: int, rect_mV: int, rect_mA: int, out_mV: int, out_mA: int, degC: int, alert: int
) -> bytes:
    """Pack the values of a receiver that asks for no other voltage than its static values do."""
    power = (_u16(rect_mV), _u16(rect_mA), _u16(out_mV), _u16(out_mA))
    warmth = (_u8(degC - _COLDEST_C),)
    return struct.pack(
        _DYNAMIC, *((_u8(validity),) + power + warmth + (0, 0, 0, _u8(alert), 0, 0))
    )


def unpack_dynamic(data: bytes) -> tuple:
    """Return (validity, rect_mV, rect_mA, out_mV, out_mA, degC, min_mV, set_mV, high_mV, alert).

    A field that `validity` leaves out means nothing.
    """
    fields = _unpack(_DYNAMIC, DYNAMIC_SIZE, "PRU dynamic", data)
    return fields[:5] + (fields[5] + _COLDEST_C,) + fields[6:10]


def pack_advert(service_handle: int) -> bytes:
    """Return flags and service data, by which a PTU finds a PRU and the handles of its values."""
    data = (_SERVICE_DATA_16, SERVICE, _u16(service_handle), _RSSI_UNKNOWN, 0)
    return struct.pack(_ADVERT, *(_FLAGS + (7,) + data))


def unpack_service_data(data: bytes) -> tuple:
    """Return (service handle, RSSI, flags) of the service data behind its UUID."""
    return _unpack("<HBB", 4, "service data", data)
