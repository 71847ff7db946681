# SPDX-License-Identifier: MIT
"""The central role of the bench's `bluetooth` module: scan, connect, and be a GATT client.

Errors, their numbers and the order of events are those of real NimBLE, measured with MicroPython
1.29. A UUID that a handler keeps stays valid here; on a board it does not.
"""

import struct

import _radio
from _ble_uuid import UUID

_IRQ_SCAN_RESULT = 5
_IRQ_SCAN_DONE = 6
_IRQ_PERIPHERAL_CONNECT = 7
_IRQ_PERIPHERAL_DISCONNECT = 8
_IRQ_SERVICE_RESULT = 9
_IRQ_CHARACTERISTIC_RESULT = 11
_IRQ_DESCRIPTOR_RESULT = 13
_IRQ_READ_RESULT = 15
_IRQ_WRITE_DONE = 17

_EIO = 5
_ENOMEM = 12
_EBUSY = 16
_EALREADY = 114
_PROCEDURES_MAX = 4
_NO_LINK = 0xFFFF

_INTERVAL_us = 30_000  # NimBLE's own, where the caller gives none
_SCAN_INTERVAL_us = 1_280_000
_SCAN_WINDOW_us = 11_250
_DONE = (10, 12, 14, 16, 17)  # each ends one procedure
# event -> (numbers, what follows: "" nothing, "v" a view, "u" a UUID)
_LAYOUTS = {
    6: ("<", ""),
    7: ("<HB", "v"),
    8: ("<HB", "v"),
    9: ("<HHH", "u"),
    10: ("<HH", ""),
    11: ("<HHHB", "u"),
    12: ("<HH", ""),
    13: ("<HH", "u"),
    14: ("<HH", ""),
    15: ("<HH", "v"),
    16: ("<HHH", ""),
    17: ("<HHH", ""),
    18: ("<HH", "v"),
    19: ("<HH", "v"),
}


class Central:
    """The sending half; `BLE` holds the state, and `_ble_events` brings what comes."""

    def _forget_central(self):
        self._scanning = False
        self._connecting = False
        self._procedures = 0
        self._peers = {}  # link -> address type and address

    def gap_scan(
        self,
        duration_ms,
        interval_us=_SCAN_INTERVAL_us,
        window_us=_SCAN_WINDOW_us,
        active=False,
    ):
        self._need_active()
        if duration_ms is None:
            self._end_scan()
            return
        if self._connecting:
            raise OSError(_EBUSY)
        if self._scanning:
            raise OSError(_EALREADY)
        self._scanning = True
        self._send("S", struct.pack("<BBIII", 1, active, duration_ms, interval_us, window_us))

    def _end_scan(self):
        """Tell the end of a scan inside the call that ends it."""
        if self._scanning:
            self._send("S", struct.pack("<BBIII", 0, 0, 0, 0, 0))
            _radio.events.append(bytes((ord("g"), _IRQ_SCAN_DONE)))
            self._deliver(nested=True)

    def gap_connect(
        self,
        addr_type,
        addr=None,
        scan_duration_ms=2000,
        min_conn_interval_us=0,
        max_conn_interval_us=0,
    ):
        self._need_active()
        if addr_type is None:
            if not self._connecting:
                raise OSError(_EALREADY)
            self._send("o", b"")
            return
        peer = bytes((addr_type,)) + bytes(memoryview(addr))
        if self._connecting:
            raise OSError(_EALREADY)
        if peer in self._peers.values():
            raise OSError(_EIO)
        if len(self._connections) >= self._connections_max:
            raise OSError(_ENOMEM)
        self._end_scan()
        self._connecting = True
        least_us = min_conn_interval_us or _INTERVAL_us
        most_us = max(max_conn_interval_us, least_us)
        self._send("O", struct.pack("<III", scan_duration_ms, least_us, most_us) + peer)

    def gattc_discover_services(self, conn_handle, uuid=None):
        self._procedure(_IRQ_SERVICE_RESULT, conn_handle, b"" if uuid is None else bytes(uuid))

    def gattc_discover_characteristics(self, conn_handle, start_handle, end_handle, uuid=None):
        span = struct.pack("<HH", start_handle, end_handle)
        wanted = b"" if uuid is None else bytes(uuid)
        self._procedure(_IRQ_CHARACTERISTIC_RESULT, conn_handle, span + wanted)

    def gattc_discover_descriptors(self, conn_handle, start_handle, end_handle):
        span = struct.pack("<HH", start_handle, end_handle)
        self._procedure(_IRQ_DESCRIPTOR_RESULT, conn_handle, span)

    def gattc_read(self, conn_handle, value_handle):
        self._procedure(_IRQ_READ_RESULT, conn_handle, struct.pack("<H", value_handle))

    def gattc_write(self, conn_handle, value_handle, data, mode=0):
        head = struct.pack("<HB", value_handle, mode)
        self._procedure(_IRQ_WRITE_DONE, conn_handle, head + bytes(memoryview(data)))

    def _procedure(self, kind, conn_handle, arguments):
        self._need_connection(conn_handle)
        if self._procedures >= _PROCEDURES_MAX:
            raise OSError(_ENOMEM)
        if kind != _IRQ_WRITE_DONE or arguments[2]:
            self._procedures += 1
        self._send("P", struct.pack("<BH", kind, conn_handle) + arguments)

    # -- what comes --

    def _on_central(self, payload):
        event = payload[0]
        self._note_central(event, payload)
        if event == _IRQ_SCAN_RESULT:
            self._on_advert(payload)
            return
        layout, rest = _LAYOUTS[event]
        size = struct.calcsize(layout)
        numbers = struct.unpack_from(layout, payload, 1)
        data = payload[1 + size :]
        if rest == "v":
            self._irq_with_view(event, numbers, data)
        elif rest == "u":
            self._irq(event, numbers + (UUID(bytes(data)),))  # noqa: RUF005 - no star in this VM
        else:
            self._irq(event, numbers)

    def _note_central(self, event, payload):
        """Keep the state up before the handler runs, because it may call again at once."""
        if event == _IRQ_SCAN_DONE:
            self._scanning = False
        elif event == _IRQ_PERIPHERAL_CONNECT:
            link = struct.unpack_from("<H", payload, 1)[0]
            self._connecting = False
            self._connections[link] = 0
            self._peers[link] = bytes(payload[3:])
        elif event == _IRQ_PERIPHERAL_DISCONNECT:
            link = struct.unpack_from("<H", payload, 1)[0]
            if link == _NO_LINK:
                self._connecting = False
            else:
                self._drop_link(link)
        elif event in _DONE:
            self._procedures -= 1

    def _on_advert(self, payload):
        """Both views show other bytes as soon as the handler returns."""
        address_type, address, kind, rssi_dBm = struct.unpack_from("<B6sBb", payload, 1)
        address, data = bytearray(address), bytearray(payload[10:])
        views = (address_type, memoryview(address), kind, rssi_dBm, memoryview(data))
        self._irq(_IRQ_SCAN_RESULT, views)
        for buffer in (address, data):
            for index in range(len(buffer)):
                buffer[index] = 0xDD
