# SPDX-License-Identifier: MIT
"""MicroPython's `bluetooth` module for a board whose radio is in the bench hub.

It runs on the MicroPython unix VM. The attribute values live here, as in the RAM of a real board,
so firmware that hangs lets remote reads and writes time out. Events are delivered between
two steps of asyncio, by `poll()` while `time.sleep` runs, and inside calls that wait for the
controller. Results, error numbers and events are those that were recorded on MicroPython with
NimBLE (host/tests/bench/nimble); what else is NimBLE's is named where it is used.

The central role is in _ble_central. Stored pairing secrets and L2CAP channels are missing.
"""

import asyncio
import asyncio.core
import json
import os
import struct

import _ble_central
import _ble_events
import _radio
from _ble_uuid import UUID  # noqa: F401 - part of this module

FLAG_READ = 0x0002
FLAG_WRITE_NO_RESPONSE = 0x0004
FLAG_WRITE = 0x0008
FLAG_NOTIFY = 0x0010
FLAG_INDICATE = 0x0020

_ENOMEM = 12
_EBUSY = 16
_ENODEV = 19
_EINVAL = 22
_EIO = 5
_RANDOM_MODES = {1: 0xC0, 3: 0}  # static, non-resolvable: the top bits of such an address
_ENOTCONN = 107
_EALREADY = 114
_HCI_INVALID_PARAMETERS = 18  # NimBLE passes it on as a negative number

_ADVERT_MAX = 31
_ADVERT_DEFAULT_us = 30_000  # BLE_GAP_ADV_FAST_INTERVAL1_MIN, which NimBLE takes for 0
_VALUE_DEFAULT = 20
_MTU_MIN, _MTU_MAX, _MTU_DEFAULT = 23, 527, 256
_NAME_MAX = 31
_NAME_DEFAULT = "MPY NIMBLE"
_PACKETS_MAX = 69  # notifications that wait for the air before NimBLE has no buffer left


class _Flag(asyncio.Event):
    """asyncio.ThreadSafeFlag without its 1 ms polling.

    On the bench, events are delivered in this thread, between two steps of asyncio or while it
    sleeps, so no other thread can set the flag.
    """

    async def wait(self):
        await super().wait()
        self.clear()


asyncio.ThreadSafeFlag = _Flag


class _Value:
    def __init__(self):
        self.data = b""
        self.size = _VALUE_DEFAULT
        self.append = False

    def remote_write(self, data):
        """Store what a central writes: excess bytes are cut off silently, as NimBLE does."""
        kept = self.data if self.append else b""
        self.data = (kept + data)[: self.size]

    def local_read(self):
        data = self.data
        if self.append:
            self.data = b""
        return data


class BLE(_ble_central.Central, _ble_events.Events):
    _instance = None

    def __new__(cls):
        if cls._instance is None:
            cls._instance = super().__new__(cls)
            cls._instance._open()
        return cls._instance

    def __init__(self):
        pass

    def _open(self):
        self._late = None
        _radio.open_socket()
        hello = _radio.request("H")
        self._address_type = hello[0]
        self._address = hello[1:7]
        self._connections_max = hello[7]
        self._active = False
        self._handler = None
        self._delivering = False
        self._forget()
        self._pump = asyncio.create_task(_pump())

    def _forget(self):
        """Set what the stack knows when it has just been switched on, or off."""
        self._values = {}
        self._connections = {}  # link -> notifications that wait for the air
        self._subscriptions = {}  # (link, value handle) -> 1: notify, 2: indicate
        self._terminating = set()
        self._mtu_known = set()
        self._advertising = False
        self._advert = self._response = b""
        self._gap_name = _NAME_DEFAULT
        self._forget_central()
        self._mtu = _MTU_DEFAULT

    def active(self, on=None):
        if on is not None and bool(on) != self._active:
            self._request("A", bytes((bool(on),)))
            self._active = bool(on)
            self._forget()
            if on:
                self._send_settings()
        return self._active

    def config(self, *args, **kwargs):
        if kwargs:
            if args:
                raise TypeError("can't specify pos and kw args")
            for name, value in kwargs.items():
                self._set(name, value)
            return None
        if len(args) != 1:
            raise TypeError("must query one param")
        return self._get(args[0])

    def _get(self, name):
        if name not in ("mac", "gap_name", "mtu"):
            raise ValueError("unknown config param")
        self._need_active()
        if name == "mac":
            return (self._address_type, self._address)
        return self._gap_name.encode() if name == "gap_name" else self._mtu

    def _set(self, name, value):
        if name in ("bond", "mitm", "io", "le_secure"):
            return  # the bench pairs without asking
        if name == "addr_mode":
            if value in _RANDOM_MODES:
                self._draw_address(_RANDOM_MODES[value])
            return  # resolvable private addresses are not modelled
        if name not in ("gap_name", "mtu"):
            raise ValueError("unknown config param")
        self._need_active()
        if name == "mtu":
            if not _MTU_MIN <= value <= _MTU_MAX:
                raise OSError(_EINVAL)
            self._mtu = value
        else:
            text = value if isinstance(value, str) else bytes(value).decode()
            if len(text.encode()) > _NAME_MAX:
                raise OSError(_EINVAL)
            self._gap_name = text
        self._send_settings()

    def _draw_address(self, top):
        """Draw a random address; a controller refuses while it advertises (Core 5.0, 7.8.4)."""
        self._need_active()
        if self._advertising:
            raise OSError(_EIO)
        drawn = bytearray(os.urandom(6))
        drawn[0] = drawn[0] & 0x3F | top
        self._address_type, self._address = 1, bytes(drawn)
        self._send("a", self._address)

    def _send_settings(self):
        self._send("G", struct.pack("<H", self._mtu) + self._gap_name.encode())

    def irq(self, handler):
        if handler is not None and not callable(handler):
            raise ValueError("invalid handler")
        self._handler = handler

    def gap_advertise(
        self, interval_us=500_000, adv_data=None, *, resp_data=None, connectable=True
    ):
        """Start anew; NimBLE stops what runs first, so a call that fails leaves silence."""
        if self._active:
            self._deliver_first()
            self._send("V", struct.pack("<IBB", 0, 0, 0))
            self._advertising = False
        if interval_us is None:
            return
        self._need_active()
        advert = self._advert if adv_data is None else bytes(memoryview(adv_data))
        response = self._response if resp_data is None else bytes(memoryview(resp_data))
        if len(advert) > _ADVERT_MAX:
            raise OSError(-_HCI_INVALID_PARAMETERS)
        if len(response) > _ADVERT_MAX:
            raise OSError(_EINVAL)
        if connectable and len(self._connections) >= self._connections_max:
            raise OSError(_ENOMEM)
        self._advert, self._response = advert, response
        self._advertising = True
        interval_us = interval_us or _ADVERT_DEFAULT_us
        head = struct.pack("<IBB", interval_us, bool(connectable), len(advert))
        self._send("V", head + advert + response)

    def gap_disconnect(self, conn_handle):
        """Wait for the controller, and so deliver what comes meanwhile."""
        self._need_active()
        if conn_handle not in self._connections:
            return False
        if conn_handle in self._terminating:
            raise OSError(_EALREADY)
        self._terminating.add(conn_handle)
        self._request("D", struct.pack("<H", conn_handle))
        return True

    def gatts_register_services(self, services):
        self._need_active()
        if self._connections or self._advertising:
            raise OSError(_EBUSY)
        table = [_service_table(*service) for service in services]
        reply = self._request("R", json.dumps(table).encode())
        handles = list(struct.unpack(f"<{len(reply) // 2}H", reply))
        self._values = {handle: _Value() for handle in handles}
        result = []
        for _uuid, characteristics in table:
            count = sum(1 + len(characteristic[2]) for characteristic in characteristics)
            result.append(tuple(handles[:count]))
            handles = handles[count:]
        return tuple(result)

    def gatts_read(self, value_handle):
        value = self._values.get(value_handle)
        return value.local_read() if value else b""

    def gatts_write(self, value_handle, data, send_update=False):
        value = self._value(value_handle)
        value.data = bytes(memoryview(data))  # also accepts text, which is a buffer here
        value.size = max(value.size, len(value.data))
        if send_update:  # later, by the stack's own task, which asks the handler first
            for link, handle in list(self._subscriptions):
                if handle == value_handle:
                    _radio.events.append(struct.pack("<BHH", ord("n"), link, handle))
            self._late = asyncio.create_task(_deliver_soon())
        return len(value.data)

    def gatts_set_buffer(self, value_handle, length, append=False):
        value = self._value(value_handle)
        value.data = b""
        value.size = length
        value.append = append

    def gatts_notify(self, conn_handle, value_handle, data=None):
        self._send_value("N", conn_handle, value_handle, data)

    def gatts_indicate(self, conn_handle, value_handle, data=None):
        self._send_value("I", conn_handle, value_handle, data)

    def gattc_exchange_mtu(self, conn_handle):
        self._need_connection(conn_handle)
        if conn_handle in self._mtu_known:
            raise OSError(_EALREADY)
        self._mtu_known.add(conn_handle)
        self._send("M", struct.pack("<H", conn_handle))

    def _send_value(self, opcode, conn_handle, value_handle, data):
        """Send what is given, else the value as the handler leaves it."""
        self._need_connection(conn_handle)
        if data is None:
            if self._read_request(_ble_events.ITSELF, value_handle):
                return
            data = self._value(value_handle).data
        else:
            data = bytes(memoryview(data))
        if sum(self._connections.values()) >= _PACKETS_MAX:
            raise OSError(_ENOMEM)
        self._connections[conn_handle] += 1
        self._send(opcode, struct.pack("<HH", conn_handle, value_handle) + data)

    def _send(self, opcode, payload):
        _radio.post(opcode, payload)
        if not self._delivering:
            _radio.flush()

    def _request(self, opcode, payload=b""):
        """Wait for the answer; what came before it is delivered inside the call."""
        reply = _radio.request(opcode, payload)
        self._deliver(nested=True)
        return reply

    def _deliver_first(self):
        """Deliver what has arrived, as a call that waits for the controller does."""
        if _radio.wait(0):
            _radio.receive()
        self._deliver(nested=True)

    def _need_active(self):
        if not self._active:
            raise OSError(_ENODEV)

    def _need_connection(self, conn_handle):
        self._need_active()
        if conn_handle not in self._connections:
            raise OSError(_ENOTCONN)

    def _value(self, value_handle):
        self._need_active()
        if value_handle not in self._values:
            raise OSError(_EINVAL)
        return self._values[value_handle]


def _service_table(uuid, characteristics):
    return (bytes(uuid).hex(), [_characteristic_table(*each) for each in characteristics])


def _characteristic_table(uuid, flags, descriptors=()):
    return (bytes(uuid).hex(), flags, [(bytes(each[0]).hex(), each[1]) for each in descriptors])


async def _deliver_soon():
    BLE._instance._deliver()


async def _pump():
    while True:
        yield asyncio.core._io_queue.queue_read(_radio.stream)
        poll()


def poll(wait_ms=0):
    """Deliver what arrives within `wait_ms` (the hook of time.sleep)."""
    if BLE._instance is None:
        _radio.wait(wait_ms)
        return
    _radio.flush()  # a handler may sleep
    if _radio.wait(0 if _radio.events else wait_ms):
        _radio.receive()
    BLE._instance._deliver()
