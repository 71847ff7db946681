# SPDX-License-Identifier: MIT
"""What the bench hub tells a board's `bluetooth` module, and the handler's part in it."""

import struct
import sys

import _radio

_IRQ_CENTRAL_CONNECT = 1
_IRQ_CENTRAL_DISCONNECT = 2
_IRQ_GATTS_WRITE = 3
_IRQ_GATTS_READ_REQUEST = 4
_IRQ_GATTS_INDICATE_DONE = 20
_IRQ_MTU_EXCHANGED = 21
_IRQ_CONNECTION_UPDATE = 27
_IRQ_ENCRYPTION_UPDATE = 28
_IRQ_GET_SECRET = 29

_ENOMEM = 12
ITSELF = 0xFFFF  # the "link" of a read request that a notification raises
_USED_UP = 0xDD  # a view that a handler keeps shows this: on a board its memory is in use again


class Events:
    """The receiving half of `BLE`, which holds the state."""

    def _deliver(self, nested=False):
        """Delivers events in order; only calls that wait for the controller nest them.

        What a handler sends leaves when it returns, as on ports that run handlers in the host
        stack's context.
        """
        outer = self._delivering
        if outer and not nested:
            return
        while _radio.events:
            event = _radio.events.pop(0)
            self._delivering = True
            try:
                _EVENTS[chr(event[0])](self, memoryview(event)[1:])
            finally:
                self._delivering = outer
                if not outer:
                    _radio.flush()

    def _irq(self, event, data):
        """Run the handler; one that raises is printed and never called again."""
        if self._handler is None:
            return None
        try:
            return self._handler(event, data)
        except BaseException as error:  # noqa: BLE001 - as the C code, which catches everything
            self._handler = None
            sys.stdout.write("Unhandled exception in IRQ callback handler\n")
            sys.print_exception(error)
            return None

    def _irq_with_view(self, event, numbers, data):
        """Run the handler with a view whose memory is used again as soon as it returns."""
        buffer = bytearray(data)
        result = self._irq(event, numbers + (memoryview(buffer),))  # noqa: RUF005 - no star in this VM
        for index in range(len(buffer)):
            buffer[index] = _USED_UP
        return result

    def _read_request(self, conn_handle, value_handle):
        """Return the ATT error with which the handler refuses a read; 0: none."""
        result = self._irq(_IRQ_GATTS_READ_REQUEST, (conn_handle, value_handle))
        return result & 0xFF if isinstance(result, int) else 0

    def _on_connect(self, payload):
        conn_handle, address_type = struct.unpack("<HB", payload)
        self._connections[conn_handle] = 0
        self._advertising = False
        self._irq_with_view(_IRQ_CENTRAL_CONNECT, (conn_handle, address_type), payload[3:])

    def _on_disconnect(self, payload):
        conn_handle, address_type = struct.unpack("<HB", payload)
        self._connections.pop(conn_handle, None)
        self._terminating.discard(conn_handle)
        self._mtu_known.discard(conn_handle)
        for link, handle in list(self._subscriptions):
            if link == conn_handle:
                del self._subscriptions[link, handle]
        self._irq_with_view(_IRQ_CENTRAL_DISCONNECT, (conn_handle, address_type), payload[3:])

    def _on_write(self, payload):
        request, conn_handle, value_handle = struct.unpack("<BHH", payload)
        self._values[value_handle].remote_write(bytes(payload[5:]))
        self._send("r", bytes((request, 0)))
        self._irq(_IRQ_GATTS_WRITE, (conn_handle, value_handle))

    def _on_read(self, payload):
        request, conn_handle, value_handle = struct.unpack("<BHH", payload)
        status = self._read_request(conn_handle, value_handle)
        data = b"" if status else self._values[value_handle].data
        self._send("r", bytes((request, status)) + data)

    def _on_update_due(self, payload):
        """Send a value that was written with `send_update`; without a buffer it is lost."""
        conn_handle, value_handle = struct.unpack("<HH", payload)
        kinds = self._subscriptions.get((conn_handle, value_handle), 0)
        if kinds and conn_handle in self._connections:
            try:
                self._send_value("N" if kinds & 1 else "I", conn_handle, value_handle, None)
            except OSError as error:
                if error.errno != _ENOMEM:
                    raise

    def _on_sent(self, payload):
        conn_handle, count = struct.unpack("<HB", payload)
        if conn_handle in self._connections:
            self._connections[conn_handle] -= min(count, self._connections[conn_handle])

    def _on_subscribed(self, payload):
        conn_handle, value_handle, kinds = struct.unpack("<HHB", payload)
        if kinds:
            self._subscriptions[conn_handle, value_handle] = kinds
        else:
            self._subscriptions.pop((conn_handle, value_handle), None)

    def _on_secret(self, payload):
        """Let the handler answer None or bytes to a peer that asks for encryption, else restart.

        modbluetooth.c takes the answer as a buffer outside of the protected call: a TypeError
        there has no one to catch it. (What the handler returns is not used here as a secret.)
        """
        request, kind, index = struct.unpack("<BBB", payload)
        secret = self._irq_with_view(_IRQ_GET_SECRET, (kind, index), payload[3:])
        if secret is not None:
            try:
                memoryview(secret)
            except TypeError as error:
                _restart(error)
        self._send("r", bytes((request, 0)))

    def _on_mtu(self, payload):
        conn_handle, mtu = struct.unpack("<HH", payload)
        self._mtu_known.add(conn_handle)
        self._irq(_IRQ_MTU_EXCHANGED, (conn_handle, mtu))

    def _on_indicate_done(self, payload):
        self._irq(_IRQ_GATTS_INDICATE_DONE, struct.unpack("<HHB", payload))

    def _on_update(self, payload):
        self._irq(_IRQ_CONNECTION_UPDATE, struct.unpack("<HHHHB", payload))

    def _on_encryption(self, payload):
        conn_handle, encrypted, authenticated, bonded, size = struct.unpack("<HBBBB", payload)
        flags = (bool(encrypted), bool(authenticated), bool(bonded))
        self._irq(_IRQ_ENCRYPTION_UPDATE, (conn_handle,) + flags + (size,))  # noqa: RUF005


_EVENTS = {
    "C": Events._on_connect,
    "X": Events._on_disconnect,
    "W": Events._on_write,
    "Q": Events._on_read,
    "n": Events._on_update_due,
    "s": Events._on_sent,
    "c": Events._on_subscribed,
    "k": Events._on_secret,
    "m": Events._on_mtu,
    "i": Events._on_indicate_done,
    "u": Events._on_update,
    "e": Events._on_encryption,
}


def _restart(error):
    """Do what an exception that nobody can catch does to an ESP32: the chip starts again."""
    sys.stdout.write("NLR jump failed\n")
    sys.print_exception(error)
    hardware = sys.modules.get("_hardware")
    if hardware:
        hardware.call("R")
    raise SystemExit(1)
