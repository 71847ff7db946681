# SPDX-License-Identifier: MIT
"""The bytes of the adverts.

Each carries the beacon, because many scanners report only one advert a scan. The scan response
alternates between name and service, and BTHome. A third advert, for others than our hosts, carries
the beacon in its scan response. A board that its owner has hidden shows an alias in place of the
beacon, and only the service, which all boards have.
"""

import struct

from wptcore import bthome, wire
from wptcore.compat import const

_FLAGS = b"\x02\x01\x06"  # general discoverable, no classic Bluetooth
_MANUFACTURER = const(0xFF)
_SERVICE_DATA_16 = const(0x16)
_COMPLETE_NAME = const(0x09)
_COMPLETE_UUIDS_128 = const(0x07)
_HEAD = "<BBH"
_HEAD_SIZE = const(4)
_BEACON_AT = len(_FLAGS) + _HEAD_SIZE
_LEGACY_MAX = const(31)


class Adverts:
    """`status` holds the newest beacon; the buffers are made once.

    `others`: a whole advert that takes its turn, or b"".
    """

    def __init__(self, board):
        self._board = board
        self.status = bytearray(wire.BEACON_SIZE)
        self._advert = bytearray(_BEACON_AT + wire.BEACON_SIZE)
        self._advert[: len(_FLAGS)] = _FLAGS
        size = 3 + wire.BEACON_SIZE
        struct.pack_into(_HEAD, self._advert, len(_FLAGS), size, _MANUFACTURER, wire.COMPANY_ID)
        self._identity = _identity(board.board_id)
        self._bthome = bytearray(_LEGACY_MAX)
        self.others = b""
        self._turn = -1
        self._make_alias = None
        self._alias = None  # alias.Alias, once the board was hidden

    def hide_by(self, make_alias) -> None:
        """Call this (without arguments, for an alias.Alias) when the board is to be hidden."""
        self._make_alias = make_alias

    @property
    def hidden(self):
        """Return the alias.Alias while the board is hidden, else None."""
        if not self._board.consent.is_hidden or self._make_alias is None:
            self._alias = None
        elif self._alias is None:
            self._alias = self._make_alias()
        return self._alias

    def advance(self):
        """Return the next advert and the scan response that belongs to it."""
        self._board.pack_beacon_into(self.status, 0)
        hidden = self.hidden
        if hidden is not None:
            self._advert[_BEACON_AT:] = hidden.data()
            return self._advert, _service()
        self._advert[_BEACON_AT:] = self.status
        self._turn = (self._turn + 1) % (3 if self.others else 2)
        if self._turn == 0:
            return self._advert, self._identity
        if self._turn == 2:
            return self.others, memoryview(self._advert)[len(_FLAGS) :]
        end = self._board.pack_bthome_into(self._bthome, _HEAD_SIZE)
        struct.pack_into(_HEAD, self._bthome, 0, end - 1, _SERVICE_DATA_16, bthome.UUID)
        return self._advert, memoryview(self._bthome)[:end]


def _identity(board_id: int) -> bytes:
    name = b"wpt-%d" % board_id
    return bytes((len(name) + 1, _COMPLETE_NAME)) + name + _service()


def _service() -> bytes:
    uuid = bytes(reversed(bytes.fromhex(wire.SERVICE_UUID.replace("-", ""))))
    return bytes((len(uuid) + 1, _COMPLETE_UUIDS_128)) + uuid
