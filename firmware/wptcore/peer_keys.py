# SPDX-License-Identifier: MIT
"""The keys between the boards of a crowd: each board has a root, and hands out no root.

The key with which board i asks board j is derived from the root of j, the crowd of i and the
number of i. The owner derives it and gives it to i; j derives it when i says hello. So a board
that is stolen gives away its own pairs and no others, and a crowd is bound into each key.
"""

import struct

from wptcore.auth import hmac_sha256

_ROOT = b"crowdcharge peer root"
_PAIR = b"crowdcharge peer pair"
_TRANSFER = b"crowdcharge peer transfer"
_ALIAS = b"crowdcharge crowd alias"


def root(sha256, crowd_key: bytes, epoch: int, board_id: int) -> bytes:
    """Return the root of a member; only the owner has the crowd's key."""
    return hmac_sha256(sha256, crowd_key, _ROOT + struct.pack("<IH", epoch, board_id))


def alias_key(sha256, crowd_key: bytes, epoch: int) -> bytes:
    """Return the key with which all members read each other's aliases (wptcore.alias)."""
    return hmac_sha256(sha256, crowd_key, _ALIAS + struct.pack("<I", epoch))


def pair_key(sha256, giver_root: bytes, crowd_id: int, taker_id: int) -> bytes:
    """Return the key with which board `taker_id` of `crowd_id` asks the giver."""
    return hmac_sha256(sha256, giver_root, _PAIR + struct.pack("<IH", crowd_id, taker_id))


def transfer_id(sha256, key: bytes, giver_nonce: bytes) -> int:
    """Return the number of the one transfer of a meeting, by the key of the pair.

    Both compute it and neither chooses it: a taker that could would take one which a ledger has
    booked already.
    """
    digest = hmac_sha256(sha256, key, _TRANSFER + giver_nonce)
    return struct.unpack("<I", digest[:4])[0] or 1
