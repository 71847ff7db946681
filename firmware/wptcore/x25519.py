# SPDX-License-Identifier: MIT
"""X25519 key agreement (RFC 7748) in plain integers, for peers whose only link is a relay.

Plain integers do not take constant time: this keeps a secret from who reads the frames, not
from who can time the processor.
"""

from wptcore.compat import const

KEY_SIZE = const(32)
BASE_POINT = b"\x09" + bytes(31)

_PRIME = (1 << 255) - 19
_A24 = const(121665)


def public_key(secret: bytes) -> bytes:
    return _multiply(secret, BASE_POINT)


def shared_secret(secret: bytes, peer_public_key: bytes) -> bytes:
    """Refuses low-order points: they would let a relay choose the result (RFC 7748, 6.1)."""
    shared = _multiply(secret, peer_public_key)
    if shared == bytes(KEY_SIZE):
        raise ValueError("public key of low order")
    return shared


def _multiply(scalar: bytes, u: bytes) -> bytes:
    """The Montgomery ladder of RFC 7748, section 5."""
    if len(scalar) != KEY_SIZE or len(u) != KEY_SIZE:
        raise ValueError("X25519 takes 32 bytes")
    k = int.from_bytes(scalar, "little")
    k = (k & ((1 << 254) - 8)) | (1 << 254)
    x1 = (int.from_bytes(u, "little") & ((1 << 255) - 1)) % _PRIME
    x2, z2, x3, z3 = 1, 0, x1, 1
    swapped = 0
    for bit in range(254, -1, -1):
        wanted = (k >> bit) & 1
        if wanted != swapped:
            x2, z2, x3, z3 = x3, z3, x2, z2
            swapped = wanted
        x2, z2, x3, z3 = _step(x1, x2, z2, x3, z3)
    if swapped:
        x2, z2 = x3, z3
    return (x2 * pow(z2, _PRIME - 2, _PRIME) % _PRIME).to_bytes(KEY_SIZE, "little")


def _step(x1: int, x2: int, z2: int, x3: int, z3: int) -> "tuple[int, int, int, int]":
    """One rung: doubles (x2:z2) and adds it to (x3:z3); names after the RFC."""
    a = x2 + z2
    b = x2 - z2
    aa = a * a % _PRIME
    bb = b * b % _PRIME
    e = aa - bb
    da = (x3 - z3) * a % _PRIME
    cb = (x3 + z3) * b % _PRIME
    plus = da + cb
    minus = da - cb
    return (
        aa * bb % _PRIME,
        e * (aa + _A24 * e) % _PRIME,
        plus * plus % _PRIME,
        x1 * (minus * minus % _PRIME) % _PRIME,
    )
