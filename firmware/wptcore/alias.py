# SPDX-License-Identifier: MIT
"""What a hidden board advertises in place of its beacon: an alias that only its own can read.

A host that has the board's key knows the board by it; a member of its crowd reads number, state
and charge. To all others an alias is random bytes. A new one comes with every change, and after 8
to 15 minutes together with a new radio address. How long is drawn anew each time: with a fixed
time, the minute and second of its turns would tell a board from all others for days.
"""

import struct

from wptcore.auth import equal, hmac_sha256
from wptcore.compat import const

MAGIC = const(0x48)
NONCE_SIZE = const(6)
PERIOD_MAX_s = const(900)  # as long as a resolvable private address lasts (Core 5.0, 10.7)
PERIOD_MIN_s = const(480)  # and with it the range that Core 6.1 gives controllers that draw it

_VERSION = const(1)
_LAYOUT = "<BB6s6s4s6s"  # magic, version, nonce, for hosts, sealed, for members
_SEALED = "<HBB"  # board, state byte, charge %
_HOST = b"crowdcharge alias"
_MARK = b"host"
_MASK = b"mask"
_PROOF = b"proof"
_NOTHING = (0, 0, 0)  # no board has number 0


def host_key(sha256, board_key: bytes) -> bytes:
    """Return the key by which a host knows the board; it commands nothing."""
    return hmac_sha256(sha256, board_key, _HOST)


def pack(sha256, host: bytes, crowd: bytes, nonce: bytes, board_id: int, state: int, soc_pct: int):
    """Return an alias of wire.BEACON_SIZE bytes; `crowd`: the members' key, `nonce`: fresh."""
    plain = struct.pack(_SEALED, board_id, state, soc_pct)
    sealed = _masked(sha256, crowd, nonce, plain)
    mark = hmac_sha256(sha256, host, _MARK + nonce)[:6]
    proof = hmac_sha256(sha256, crowd, _PROOF + nonce + plain)[:6]
    return struct.pack(_LAYOUT, MAGIC, _VERSION, nonce, mark, sealed, proof)


def is_alias(data) -> bool:
    return len(data) == struct.calcsize(_LAYOUT) and data[0] == MAGIC and data[1] == _VERSION


def is_of(sha256, host: bytes, data) -> bool:
    """Tell whether the board of this key is behind an alias; one in 2^48 others seems to be."""
    _, _, nonce, mark, _, _ = struct.unpack(_LAYOUT, data)
    return equal(hmac_sha256(sha256, host, _MARK + nonce)[:6], mark)


def read(sha256, crowd: bytes, data):
    """Return (board, state byte, charge %) of a member's alias, or None."""
    if not crowd or not is_alias(data):
        return None
    _, _, nonce, _, sealed, proof = struct.unpack(_LAYOUT, data)
    plain = _masked(sha256, crowd, nonce, sealed)
    if not equal(hmac_sha256(sha256, crowd, _PROOF + nonce + plain)[:6], proof):
        return None
    return struct.unpack(_SEALED, plain)


class Alias:
    """`board`: board.Board; `host` and `crowd`: the keys; `random_bytes`: `os.urandom`.

    A board without a crowd gives a random key for `crowd`, which it then forgets.
    """

    def __init__(self, board, sha256, random_bytes, host: bytes, crowd: bytes):
        self._board = board
        self._sha256 = sha256
        self._random = random_bytes
        self._keys = (host, crowd)
        self._left_ms = 0  # the address of the time before is known
        self._shown = _NOTHING
        self._data = b""

    def elapse(self, dt_ms: int) -> None:
        self._left_ms -= dt_ms

    @property
    def is_due(self) -> bool:
        """Is it time for another address?"""
        return self._left_ms <= 0

    def turn(self) -> None:
        """Begin anew, because the radio has another address."""
        drawn = struct.unpack("<H", self._random(2))[0]
        self._left_ms = 1000 * (PERIOD_MAX_s - (drawn * (PERIOD_MAX_s - PERIOD_MIN_s) >> 16))
        self._shown = _NOTHING

    def data(self) -> bytes:
        """Return what to advertise: the same until something changes."""
        board = self._board
        shown = (board.board_id, board.state_byte, board.soc_pct)
        if shown != self._shown:
            self._shown = shown
            nonce = self._random(NONCE_SIZE)
            self._data = pack(self._sha256, *self._keys, nonce, *shown)
        return self._data


def _masked(sha256, crowd: bytes, nonce: bytes, data: bytes) -> bytes:
    mask = hmac_sha256(sha256, crowd, _MASK + nonce)
    return bytes(data[i] ^ mask[i] for i in range(len(data)))
