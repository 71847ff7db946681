# SPDX-License-Identifier: MIT
"""Runs on the VM: what the documentation of `bluetooth` promises, in assertions."""

import asyncio
import sys

import bluetooth
from bluetooth import UUID


def error_of(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except (OSError, ValueError) as error:
        return error.args[0]


# UUID: little-endian bytes, equality, hash, text
text = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
assert bytes(UUID(0x180F)) == b"\x0f\x18"
assert bytes(UUID(text)) == bytes(reversed(bytes.fromhex(text.replace("-", ""))))
assert UUID(bytes(UUID(text))) == UUID(text) != UUID(0x180F)
assert repr(UUID(0x180F)) == "UUID(0x180f)"
assert repr(UUID(text)) == f"UUID('{text}')"
assert {UUID(0x180F): 1}[UUID(0x180F)] == 1
assert len(bytes(UUID(text))) == 16 and UUID(0x1800) < UUID(0x1801)
assert error_of(UUID, "abc") and error_of(UUID, 0x10000) and error_of(UUID, b"123")

ble = bluetooth.BLE()
assert bluetooth.BLE() is ble
assert ble.active() is False

# Everything but config and irq needs an active radio
ENODEV, EINVAL, ENOTCONN = 19, 22, 107
assert error_of(ble.gap_advertise, 100_000) == ENODEV
assert error_of(ble.gatts_register_services, ()) == ENODEV
assert ble.active(True) is True and ble.active() is True

kind, address = ble.config("mac")
assert kind == 0 and address == b"\xb0\x00\x00\x00\x00\x01", address
ble.config(gap_name="checked", mtu=185)
assert ble.config("gap_name") == b"checked" and ble.config("mtu") == 185
assert error_of(ble.config, "nonsense") == "unknown config param"

READ, WRITE, NOTIFY = bluetooth.FLAG_READ, bluetooth.FLAG_WRITE, bluetooth.FLAG_NOTIFY
assert (READ, WRITE, NOTIFY) == (2, 8, 16)
description = (UUID(0x2901), READ)
services = (
    (UUID(0x180F), ((UUID(0x2A19), READ | NOTIFY),)),
    (UUID(text), ((UUID(0x2A1A), READ, (description,)), (UUID(0x2A1B), WRITE))),
)
(level,), (value, described, written) = ble.gatts_register_services(services)
assert len({level, value, described, written}) == 4

# Values: 20 bytes by default, a local write may be longer, append reads once
assert ble.gatts_read(level) == b""
assert ble.gatts_write(level, bytes(30)) == 30
assert ble.gatts_read(level) == bytes(30)
ble.gatts_write(described, b"a description")
ble.gatts_set_buffer(written, 5, True)
assert ble.gatts_read(written) == b""
assert ble.gatts_read(9999) == b""
assert error_of(ble.gatts_write, 9999, b"") == EINVAL

# Links that are not there
assert error_of(ble.gatts_notify, 1, level) == ENOTCONN
assert error_of(ble.gatts_indicate, 1, level) == ENOTCONN
assert error_of(ble.gattc_exchange_mtu, 1) == ENOTCONN
assert ble.gap_disconnect(1) is False

# Adverts
assert error_of(ble.gap_advertise, 100_000, bytes(32)) == -18
assert error_of(ble.gap_advertise, 100_000, b"", resp_data=bytes(32)) == EINVAL

# Sleeping firmware gets its events from poll(): two writes of one central, kept by append
events = []


def keep(event, data):
    """Keep a copy, because the address is a view of a buffer that will be used again."""
    values = list(data)
    if event in (1, 2):
        values[2] = bytes(values[2])
    events.append((event, tuple(values)))


ble.irq(keep)
ble.gap_advertise(50_000, bytearray(b"\x02\x01\x06"), resp_data=memoryview(b"\x06\x09check"))
sys.stdout.write("ready\n")
while not any(event == 2 for event, _data in events):
    bluetooth.poll(1000)
names = [event for event, _data in events]
connect, disconnect = events[0], events[-1]
assert connect[0] == 1 and disconnect == (2, connect[1]), events
assert connect[1][1:] == (0, b"\xc0\x00\x00\x00\x00\x01"), connect
assert (21, (connect[1][0], 185)) in events, events
assert names.count(3) == 2 and (3, (connect[1][0], written)) in events, events
assert ble.gatts_read(written) == b"abcde" and ble.gatts_read(written) == b""


# ThreadSafeFlag: set before or while waiting, one wait a set, and a wait may time out
async def flag_check():
    flag = asyncio.ThreadSafeFlag()
    flag.set()
    await flag.wait()
    for expected in (False, True):
        try:
            await asyncio.wait_for_ms(flag.wait(), 20)
            woken = True
        except asyncio.TimeoutError:  # noqa: UP041 - the VM has no other
            woken = False
        assert woken is expected
        setter = asyncio.create_task(set_soon(flag))
        assert not setter.done()


async def set_soon(flag):
    flag.set()


asyncio.run(flag_check())

# Off and on: everything is forgotten
ble.active(False)
assert error_of(ble.gatts_write, level, b"") == ENODEV
ble.active(True)
assert error_of(ble.gatts_write, level, b"") == EINVAL
assert ble.config("gap_name") == b"MPY NIMBLE" and ble.config("mtu") == 256
sys.stdout.write("done\n")
