# SPDX-License-Identifier: MIT
"""Which board is behind an advert: its beacon says so, or its alias to those who have its key."""

from hashlib import sha256

from crowdcharge.boards.keys import Keys
from crowdcharge.boards.models import Beacon
from wptcore import alias

_KNOWN_MAX = 256  # aliases that are remembered; a board shows a few an hour


class Aliases:
    """`keys`: those of the boards that are recognised behind an alias."""

    def __init__(self, keys: Keys) -> None:
        self._keys = {board: alias.host_key(sha256, key) for board, key in keys.items()}
        self._known: dict[bytes, int | None] = {}  # oldest first

    def beacon(self, data: bytes) -> Beacon:
        """Decode an advert; ValueError if it is no board's, or hidden from us."""
        if not alias.is_alias(data):
            return Beacon.unpack(data)
        if data not in self._known:
            if len(self._known) >= _KNOWN_MAX:
                del self._known[next(iter(self._known))]
            self._known[data] = self._board_of(data)
        board_id = self._known[data]
        if board_id is None:
            raise ValueError("an alias of a board whose key is not here")
        return Beacon.hidden(board_id)

    def _board_of(self, data: bytes) -> int | None:
        found = (board for board, key in self._keys.items() if alias.is_of(sha256, key, data))
        return next(found, None)
