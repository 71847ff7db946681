# SPDX-License-Identifier: MIT
"""Authentication in the frames: HMAC-SHA256 (RFC 2104), session keys, rising counters.

Not all boards can pair, so every frame is authenticated. The port hands in `sha256`
(`hashlib.sha256` on all three VMs).
"""

from wptcore.compat import const

KEY_SIZE = const(32)
NONCE_SIZE = const(16)
TAG_SIZE = const(16)

FROM_HOST = b"H"
FROM_BOARD = b"B"
_SESSION = b"crowdcharge session"
_RECEIPT = b"crowdcharge receipt"
_TAKE = b"crowdcharge market take"

_BLOCK_SIZE = const(64)


def hmac_sha256(sha256, key: bytes, message: bytes) -> bytes:
    """RFC 2104 for keys up to 64 bytes."""
    padded = key + bytes(_BLOCK_SIZE - len(key))
    inner = sha256(bytes([byte ^ 0x36 for byte in padded]))
    inner.update(message)
    outer = sha256(bytes([byte ^ 0x5C for byte in padded]))
    outer.update(inner.digest())
    return outer.digest()


def equal(a: bytes, b: bytes) -> bool:
    """Compare in a time that does not depend on where the first difference is."""
    if len(a) != len(b):
        return False
    difference = 0
    for i in range(len(a)):
        difference |= a[i] ^ b[i]
    return difference == 0


def session_key(sha256, key: bytes, board_nonce: bytes, host_nonce: bytes) -> bytes:
    return hmac_sha256(sha256, key, _SESSION + board_nonce + host_nonce)


def tag(sha256, key: bytes, direction: bytes, frame: bytes) -> bytes:
    """`frame` is header and body; the direction keeps a frame from being reflected."""
    return hmac_sha256(sha256, key, direction + frame)[:TAG_SIZE]


def receipt_tag(sha256, key: bytes, body: bytes) -> bytes:
    """Signs with the board key, so that a receipt can be checked after its session."""
    return hmac_sha256(sha256, key, _RECEIPT + body)[:TAG_SIZE]


def take_tag(sha256, key: bytes, body: bytes) -> bytes:
    """Signs what a board committed to in a market, with the board key as for a receipt."""
    return hmac_sha256(sha256, key, _TAKE + body)[:TAG_SIZE]
