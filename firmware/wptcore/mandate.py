# SPDX-License-Identifier: MIT
"""What the owner of a board signs: to whom it gives, how much and when, and what it wants.

The owner's key is no host's. A board has a key of its own, derived from the owner's, and takes a
mandate from anybody who brings it: the tag is the owner's. `number` rises, so that an older one
does not come back. A board has no calendar: it takes `now_min` as the minute of the day in which
the mandate arrives, so who carries it late shifts its hours and its end by as much.
"""

import struct

from wptcore.auth import TAG_SIZE, equal, hmac_sha256
from wptcore.compat import const

ASK_FIRST = const(1)  # the board gives only after a press of its button
HIDDEN = const(2)  # its adverts tell strangers nothing (wptcore.alias)
FRIENDS_MAX = const(8)
DAY_min = const(1440)
SIZE = const(60)

_VERSION = const(1)
# version, board, number, gives to, mJ a day, floor %, flags, now, from, to (minutes of the day),
# wants mJ, wants permille, wants for minutes, friends
_LAYOUT = "<BHIBIBBHHHIHH8H"
_KEY = b"crowdcharge owner board"
_MANDATE = b"crowdcharge mandate"
_TAKEN = b"crowdcharge mandate taken"


class Mandate:
    """`gives_to`: a mask of consent.HOST and its like; `day_max_mJ` 0: as much as asked.

    `from_min` and `to_min` alike: the whole day. `wants_permille`: the charge that it wants;
    `wants_mJ`: at most so much (0: no bound), `wants_min`: for so long (0: until the next one).
    """

    def __init__(self, fields: tuple):
        (
            self.board_id,
            self.number,
            self.gives_to,
            self.day_max_mJ,
            self.floor_pct,
            self.flags,
            self.now_min,
            self.from_min,
            self.to_min,
            self.wants_mJ,
            self.wants_permille,
            self.wants_min,
        ) = fields[:12]
        self.friends = tuple(board for board in fields[12:] if board)

    @property
    def in_range(self) -> bool:
        minutes = max(self.now_min, self.from_min, self.to_min)
        return minutes < DAY_min and self.wants_permille <= 1000 and self.floor_pct <= 100

    def allows_at(self, minute: int) -> bool:
        """May the board give in this minute of the day? -1: it does not know the time."""
        if self.from_min == self.to_min:
            return True
        if self.from_min < self.to_min:
            return self.from_min <= minute < self.to_min
        return minute >= self.from_min or 0 <= minute < self.to_min


def board_key(sha256, owner_key: bytes, board_id: int) -> bytes:
    """Return the key that the board shares with its owner, and with nobody else."""
    return hmac_sha256(sha256, owner_key, _KEY + struct.pack("<H", board_id))


def pack(sha256, key: bytes, fields: tuple) -> bytes:
    """Pack and sign the fields of Mandate in their order, with up to FRIENDS_MAX friends."""
    friends = tuple(fields[12:])
    body = struct.pack(
        _LAYOUT, _VERSION, *fields[:12], *(friends + (0,) * (FRIENDS_MAX - len(friends)))
    )
    return body + _tag(sha256, key, _MANDATE + body)


def board_of(signed: bytes) -> int:
    """Return the number of the board that it is for; ValueError unless it is a mandate."""
    if len(signed) != SIZE or signed[0] != _VERSION:
        raise ValueError("no mandate of this version")
    return struct.unpack_from("<H", signed, 1)[0]


def verified(sha256, key: bytes, board_id: int, signed: bytes):
    """Return the Mandate, or None unless its owner has signed it for this board."""
    try:
        number = board_of(signed)
    except ValueError:
        return None
    split = SIZE - TAG_SIZE
    if not key or not equal(_tag(sha256, key, _MANDATE + signed[:split]), signed[split:]):
        return None
    found = Mandate(struct.unpack(_LAYOUT, signed[:split])[1:])
    return found if number == board_id and found.in_range else None


def taken_tag(sha256, key: bytes, board_id: int, number: int) -> bytes:
    """Return the board's proof for its owner that this mandate stands."""
    return _tag(sha256, key, _TAKEN + struct.pack("<HI", board_id, number))


def _tag(sha256, key: bytes, message: bytes) -> bytes:
    return hmac_sha256(sha256, key, message)[:TAG_SIZE]
