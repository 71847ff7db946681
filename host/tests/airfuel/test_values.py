# SPDX-License-Identifier: MIT
"""AirFuel's values come back, hostile bytes only raise ValueError, and a second reader agrees.

The second reader is ctypes with the structures that vendors' headers declare, packed.
"""

import ctypes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdcharge.boards.airfuel import PruDynamic, PruStatic, alert_names
from wptcore import airfuel

U8, U16 = st.integers(0, 0xFF), st.integers(0, 0xFFFF)


def structure(*fields: tuple[str, type]) -> type[ctypes.LittleEndianStructure]:
    return type("Packed", (ctypes.LittleEndianStructure,), {"_pack_": 1, "_fields_": fields})


BYTE, WORD = ctypes.c_uint8, ctypes.c_uint16
Control = structure(("enables", BYTE), ("permission", BYTE), ("time_set", BYTE), ("rfu", BYTE * 2))
PtuStatic = structure(
    ("validity", BYTE),
    ("power", BYTE),
    ("source", BYTE),
    ("load", BYTE),
    ("rfu", BYTE * 2),
    ("ptu_class", BYTE),
    ("hardware", BYTE),
    ("firmware", BYTE),
    ("protocol", BYTE),
    ("devices", BYTE),
    ("rfu2", BYTE * 6),
)
Static = structure(
    ("validity", BYTE),
    ("protocol", BYTE),
    ("rfu", BYTE),
    ("category", BYTE),
    ("information", BYTE),
    ("hardware", BYTE),
    ("firmware", BYTE),
    ("prect_max", BYTE),
    ("vrect_min", WORD),
    ("vrect_high", WORD),
    ("vrect_set", WORD),
    ("delta_r1", WORD),
    ("rfu2", BYTE * 4),
)
Dynamic = structure(
    ("validity", BYTE),
    ("vrect", WORD),
    ("irect", WORD),
    ("vout", WORD),
    ("iout", WORD),
    ("temperature", BYTE),
    ("vrect_min", WORD),
    ("vrect_set", WORD),
    ("vrect_high", WORD),
    ("alert", BYTE),
    ("tester", BYTE),
    ("rfu", BYTE * 2),
)


@given(U8, U8, U8)
def test_control_comes_back_and_reads_as_the_vendors_read_it(enables, permission, time_set):
    data = airfuel.pack_control(enables, permission, time_set)
    assert airfuel.unpack_control(data) == (enables, permission, time_set)
    theirs = Control.from_buffer_copy(data)
    assert (theirs.enables, theirs.permission, theirs.time_set) == (enables, permission, time_set)
    assert ctypes.sizeof(Control) == airfuel.CONTROL_SIZE


@given(U8, st.integers(1, 5), st.integers(1, 8))
def test_ptu_static_comes_back(power, ptu_class, devices):
    data = airfuel.pack_ptu_static(power, ptu_class, devices)
    fields = airfuel.unpack_ptu_static(data)
    assert (fields[1], fields[4], fields[8]) == (power, ptu_class, devices)
    theirs = PtuStatic.from_buffer_copy(data)
    assert (theirs.power, theirs.ptu_class, theirs.devices) == (power, ptu_class - 1, devices - 1)
    assert ctypes.sizeof(PtuStatic) == airfuel.PTU_STATIC_SIZE


@given(st.integers(0, 255), U16, U16, U16)
def test_pru_static_comes_back(power_100mW, min_mV, high_mV, set_mV):
    data = airfuel.pack_pru_static(100 * power_100mW + 99, min_mV, high_mV, set_mV)
    ours = PruStatic.unpack(data)
    theirs = Static.from_buffer_copy(data)
    assert ours.power_max_mW == 100 * power_100mW == 100 * theirs.prect_max
    assert (ours.min_mV, ours.high_mV, ours.set_mV) == (min_mV, high_mV, set_mV)
    assert (theirs.vrect_min, theirs.vrect_high, theirs.vrect_set) == (min_mV, high_mV, set_mV)
    assert ctypes.sizeof(Static) == airfuel.PRU_STATIC_SIZE


@given(U8, U16, U16, U16, U16, st.integers(-40, 215), U8)
def test_pru_dynamic_comes_back(validity, rect_mV, rect_mA, out_mV, out_mA, degC, alert):
    data = airfuel.pack_dynamic(validity, rect_mV, rect_mA, out_mV, out_mA, degC, alert)
    ours = PruDynamic.unpack(data)
    theirs = Dynamic.from_buffer_copy(data)
    assert (ours.rect_mV, ours.rect_mA) == (rect_mV, rect_mA) == (theirs.vrect, theirs.irect)
    assert ours.out_mV == (out_mV if validity & 0x80 else None)
    assert ours.out_mA == (out_mA if validity & 0x40 else None)
    assert ours.temperature_C == (degC if validity & 0x20 else None)
    assert (theirs.vout, theirs.iout, theirs.temperature) == (out_mV, out_mA, degC + 40)
    assert ours.output_on == bool(theirs.alert & 2)
    assert ours.alerts == alert_names(theirs.alert)
    assert ctypes.sizeof(Dynamic) == airfuel.DYNAMIC_SIZE


@pytest.mark.parametrize(
    ("unpack", "size"),
    [
        (airfuel.unpack_control, 5),
        (airfuel.unpack_ptu_static, 17),
        (PruStatic.unpack, 20),
        (PruDynamic.unpack, 20),
        (airfuel.unpack_service_data, 4),
    ],
)
@given(data=st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(unpack, size, data):
    if len(data) == size:
        unpack(data)
        return
    with pytest.raises(ValueError, match=f"of {len(data)} bytes"):
        unpack(data)
