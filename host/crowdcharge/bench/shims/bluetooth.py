# SPDX-License-Identifier: MIT
"""MicroPython's `bluetooth` module (peripheral half) for a board whose radio is in the bench hub.

It runs on the MicroPython unix VM. The attribute values live here, as in the RAM of a real board,
so firmware that hangs lets remote reads and writes time out. Events are delivered between
two steps of asyncio, and by `poll()` while `time.sleep` runs. Behaviour, error numbers and default
sizes are those of the NimBLE ports.

The central role, pairing and L2CAP channels are missing; no board of the bench needs them.
"""

import asyncio
import asyncio.core
import json
import struct

import _radio

FLAG_READ = 0x0002
FLAG_WRITE_NO_RESPONSE = 0x0004
FLAG_WRITE = 0x0008
FLAG_NOTIFY = 0x0010
FLAG_INDICATE = 0x0020

_IRQ_CENTRAL_CONNECT = 1
_IRQ_CENTRAL_DISCONNECT = 2
_IRQ_GATTS_WRITE = 3
_IRQ_GATTS_READ_REQUEST = 4
_IRQ_GATTS_INDICATE_DONE = 20
_IRQ_MTU_EXCHANGED = 21
_IRQ_CONNECTION_UPDATE = 27

_EIO = 5
_ENOMEM = 12
_ENODEV = 19
_EINVAL = 22
_ENOTCONN = 107

_ADVERT_MAX = 31
_VALUE_DEFAULT = 20


class _Flag(asyncio.Event):
    """asyncio.ThreadSafeFlag without its 1 ms polling.

    On the bench, events are delivered in this thread, between two steps of asyncio or while it
    sleeps, so no other thread can set the flag.
    """

    async def wait(self):
        await super().wait()
        self.clear()


asyncio.ThreadSafeFlag = _Flag


class UUID:
    def __init__(self, value):
        if isinstance(value, int):
            if not 0 <= value <= 0xFFFF:
                raise ValueError("invalid UUID")
            self._bytes = struct.pack("<H", value)
        elif isinstance(value, str):
            digits = value.replace("-", "")
            if len(digits) != 32:
                raise ValueError("UUID too short" if len(digits) < 32 else "UUID too long")
            raw = bytes(int(digits[i : i + 2], 16) for i in range(0, 32, 2))
            self._bytes = bytes(reversed(raw))
        else:
            self._bytes = bytes(value)
            if len(self._bytes) not in (2, 4, 16):
                raise ValueError("invalid UUID")

    # MicroPython classes have no buffer protocol; bytes(uuid) works by length and iteration.
    def __len__(self):
        return len(self._bytes)

    def __iter__(self):
        return iter(self._bytes)

    def __eq__(self, other):
        return isinstance(other, UUID) and self._bytes == other._bytes

    def __lt__(self, other):
        return self._bytes < other._bytes

    def __hash__(self):
        return hash(self._bytes)

    def __repr__(self):
        digits = "".join(f"{byte:02x}" for byte in reversed(self._bytes))
        if len(digits) < 32:
            return f"UUID(0x{digits})"
        parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
        return f"UUID('{'-'.join(parts)}')"


class _Value:
    def __init__(self):
        self.data = b""
        self.size = _VALUE_DEFAULT
        self.append = False

    def remote_write(self, data):
        """Stores what a central writes: excess bytes are cut off silently, as NimBLE does."""
        kept = self.data if self.append else b""
        self.data = (kept + data)[: self.size]

    def local_read(self):
        data = self.data
        if self.append:
            self.data = b""
        return data


class BLE:
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
        hello = self._request("H")
        self._address_type = hello[0]
        self._address = hello[1:7]
        self._connections_max = hello[7]
        self._active = False
        self._handler = None
        self._delivering = False
        self._values = {}
        self._connections = {}
        self._advert = b""
        self._response = b""
        self._gap_name = "MPY NIMBLE"
        self._mtu = 256
        self._rxbuf = 256
        self._pump = asyncio.create_task(_pump())

    def active(self, on=None):
        if on is not None and bool(on) != self._active:
            self._request("A", bytes((bool(on),)))
            self._active = bool(on)
            self._connections.clear()
            if not on:
                self._values.clear()
        return self._active

    def config(self, *args, **kwargs):
        for name, value in kwargs.items():
            self._set(name, value)
        return self._get(args[0]) if args else None

    def _get(self, name):
        if name == "mac":
            return (self._address_type, self._address)
        if name in ("gap_name", "mtu", "rxbuf"):
            value = getattr(self, "_" + name)
            return value.encode() if name == "gap_name" else value
        raise ValueError("unknown config param")

    def _set(self, name, value):
        if name == "gap_name":
            self._gap_name = value if isinstance(value, str) else bytes(value).decode()
        elif name in ("mtu", "rxbuf"):
            setattr(self, "_" + name, value)
        elif name != "addr_mode":  # the bench has public addresses only
            raise ValueError("unknown config param")
        self._send("G", struct.pack("<H", self._mtu) + self._gap_name.encode())

    def irq(self, handler):
        self._handler = handler

    def gap_advertise(self, interval_us, adv_data=None, *, resp_data=None, connectable=True):
        self._need_active()
        if interval_us is None:
            self._send("V", struct.pack("<IBB", 0, 0, 0))
            return
        advert = self._advert if adv_data is None else bytes(memoryview(adv_data))
        response = self._response if resp_data is None else bytes(memoryview(resp_data))
        if len(advert) > _ADVERT_MAX or len(response) > _ADVERT_MAX:
            raise OSError(_EIO)
        if not 20_000 <= interval_us <= 10_240_000:
            raise OSError(_EINVAL)
        if connectable and len(self._connections) >= self._connections_max:
            raise OSError(_ENOMEM)
        self._advert, self._response = advert, response
        head = struct.pack("<IBB", interval_us, bool(connectable), len(advert))
        self._send("V", head + advert + response)

    def gap_disconnect(self, conn_handle):
        self._need_active()
        if conn_handle not in self._connections:
            return False
        self._send("D", struct.pack("<H", conn_handle))
        return True

    def gatts_register_services(self, services):
        self._need_active()
        if self._connections:
            raise OSError(_EIO)  # NimBLE refuses while a link is up
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
        return self._value(value_handle).local_read()

    def gatts_write(self, value_handle, data, send_update=False):
        value = self._value(value_handle)
        value.data = bytes(memoryview(data))  # also accepts text, which is a buffer here
        value.size = max(value.size, len(value.data))
        if send_update:
            self._send("U", struct.pack("<H", value_handle) + value.data)

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
        self._send("M", struct.pack("<H", conn_handle))

    def _send_value(self, opcode, conn_handle, value_handle, data):
        self._need_connection(conn_handle)
        value = self._value(value_handle).data if data is None else bytes(memoryview(data))
        self._send(opcode, struct.pack("<HH", conn_handle, value_handle) + value)

    def _send(self, opcode, payload):
        _radio.post(opcode, payload)
        if not self._delivering:
            _radio.flush()

    def _request(self, opcode, payload=b""):
        reply = _radio.request(opcode, payload)
        if _radio.events:  # the socket does not wake us for events that came before the reply
            self._late = asyncio.create_task(_deliver_soon())
        return reply

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

    # Events from the hub

    def _deliver(self):
        """Delivers events in order; a handler that waits or sleeps is not interrupted by another.

        What a handler sends leaves when it returns, as on ports that run handlers in the host
        stack's context.
        """
        if self._delivering:
            return
        while _radio.events:
            event = _radio.events.pop(0)
            self._delivering = True
            try:
                _EVENTS[chr(event[0])](self, memoryview(event)[1:])
            finally:
                self._delivering = False
                _radio.flush()

    def _irq(self, event, data):
        return self._handler(event, data) if self._handler else None

    def _on_connect(self, payload):
        conn_handle, address_type = struct.unpack("<HB", payload)
        self._connections[conn_handle] = (address_type, bytes(payload[3:]))
        self._irq(_IRQ_CENTRAL_CONNECT, (conn_handle, address_type, payload[3:]))

    def _on_disconnect(self, payload):
        conn_handle, address_type = struct.unpack("<HB", payload)
        self._connections.pop(conn_handle, None)
        self._irq(_IRQ_CENTRAL_DISCONNECT, (conn_handle, address_type, payload[3:]))

    def _on_write(self, payload):
        request, conn_handle, value_handle = struct.unpack("<BHH", payload)
        self._values[value_handle].remote_write(bytes(payload[5:]))
        self._send("r", bytes((request, 0)))
        self._irq(_IRQ_GATTS_WRITE, (conn_handle, value_handle))

    def _on_read(self, payload):
        request, conn_handle, value_handle = struct.unpack("<BHH", payload)
        status = self._irq(_IRQ_GATTS_READ_REQUEST, (conn_handle, value_handle)) or 0
        data = b"" if status else self._values[value_handle].data
        self._send("r", bytes((request, status)) + data)

    def _on_mtu(self, payload):
        self._irq(_IRQ_MTU_EXCHANGED, struct.unpack("<HH", payload))

    def _on_indicate_done(self, payload):
        self._irq(_IRQ_GATTS_INDICATE_DONE, struct.unpack("<HHB", payload))

    def _on_update(self, payload):
        self._irq(_IRQ_CONNECTION_UPDATE, struct.unpack("<HHHHB", payload))


_EVENTS = {
    "C": BLE._on_connect,
    "X": BLE._on_disconnect,
    "W": BLE._on_write,
    "Q": BLE._on_read,
    "m": BLE._on_mtu,
    "i": BLE._on_indicate_done,
    "u": BLE._on_update,
}


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
    """Delivers what arrives within `wait_ms` (the hook of time.sleep)."""
    if BLE._instance is None:
        _radio.wait(wait_ms)
        return
    _radio.flush()  # a handler may sleep
    if _radio.wait(0 if _radio.events else wait_ms):
        _radio.receive()
    BLE._instance._deliver()
