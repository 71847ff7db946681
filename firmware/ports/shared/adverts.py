# SPDX-License-Identifier: MIT
"""The bytes of the adverts: beacon and BTHome in turn, name and service in the scan response."""

import struct

from wptcore import wire

_FLAGS = b"\x02\x01\x06"  # general discoverable, no classic Bluetooth
_MANUFACTURER = 0xFF
_SERVICE_DATA_16 = 0x16
_COMPLETE_NAME = 0x09
_COMPLETE_UUIDS_128 = 0x07
_HEAD = "<BBH"
_DATA_AT = 7


class Adverts:
    """`status` holds the newest beacon; `advance` makes the next advert in a buffer of its own."""

    def __init__(self, board):
        self._board = board
        self._buffer = bytearray(31)
        self._buffer[: len(_FLAGS)] = _FLAGS
        self._beacon_turn = True
        self.status = bytearray(wire.BEACON_SIZE)

    def advance(self):
        """A view of the next advert."""
        buffer = self._buffer
        self._board.pack_beacon_into(self.status, 0)
        if self._beacon_turn:
            struct.pack_into(
                _HEAD, buffer, 3, 3 + wire.BEACON_SIZE, _MANUFACTURER, wire.COMPANY_ID
            )
            end = _DATA_AT + wire.BEACON_SIZE
            buffer[_DATA_AT:end] = self.status
        else:
            end = self._board.pack_bthome_into(buffer, _DATA_AT)
            struct.pack_into(_HEAD, buffer, 3, end - 4, _SERVICE_DATA_16, wire.BTHOME_UUID)
        self._beacon_turn = not self._beacon_turn
        return memoryview(buffer)[:end]

    def scan_response(self) -> bytes:
        name = b"wpt-%d" % self._board.board_id
        uuid = bytes(reversed(bytes.fromhex(wire.SERVICE_UUID.replace("-", ""))))
        return (
            bytes((len(name) + 1, _COMPLETE_NAME))
            + name
            + bytes((len(uuid) + 1, _COMPLETE_UUIDS_128))
            + uuid
        )
