# SPDX-License-Identifier: MIT
"""X25519 key agreement (RFC 7748) in plain integers, for peers whose only link is a relay.

Plain integers do not take constant time. A secret is safe from those who read the frames, not
from those who can time the processor.
"""

from wptcore.compat import const

KEY_SIZE = const(32)
BASE_POINT = b"\x09" + bytes(31)

_PRIME = (1 << 255) - 19
_A24 = const(121665)
_INVERSION_BITS = const(4)  # eight multiplications: about as many as in a rung


class KeyPair:
    """A secret of 32 random bytes, and the public key that belongs to it."""

    def __init__(self, secret: bytes):
        self._secret = secret
        self.public_key: bytes = public_key(secret)

    def shared_secret(self, peer_public_key: bytes) -> bytes:
        return shared_secret(self._secret, peer_public_key)


def public_key(secret: bytes) -> bytes:
    return _whole(Ladder(secret, BASE_POINT))


def shared_secret(secret: bytes, peer_public_key: bytes) -> bytes:
    """Raise ValueError for a low-order point, which fixes the result (RFC 7748, 6.1)."""
    return _whole(Ladder(secret, peer_public_key))


def _whole(ladder: "Ladder") -> bytes:
    while not ladder.step():
        pass
    return ladder.result


class Ladder:
    """One multiplication (RFC 7748, section 5) in steps, so that a board does other work between.

    First 255 rungs; then the inversion by Fermat's little theorem, four exponent bits a step.
    """

    def __init__(self, scalar: bytes, u: bytes):
        if len(scalar) != KEY_SIZE or len(u) != KEY_SIZE:
            raise ValueError("X25519 takes 32 bytes")
        k = int.from_bytes(scalar, "little")
        self._k = (k & ((1 << 254) - 8)) | (1 << 254)
        self._x1 = (int.from_bytes(u, "little") & ((1 << 255) - 1)) % _PRIME
        self._points = (1, 0, self._x1, 1)
        self._swapped = 0
        self._bit = 254
        self._inverse = 1
        self._exponent_bit = 256
        self.result = b""

    def step(self) -> bool:
        """Do one step; True when `result` is ready, ValueError if it is zero."""
        if self._bit >= 0:
            self._climb()
        elif self._exponent_bit > 0:
            self._invert()
        else:
            x = self._points[0] * self._inverse % _PRIME
            if not x:
                raise ValueError("public key of low order")
            self.result = x.to_bytes(KEY_SIZE, "little")
        return self.result != b""

    def _climb(self) -> None:
        x2, z2, x3, z3 = self._points
        wanted = (self._k >> self._bit) & 1
        if wanted != self._swapped:
            x2, z2, x3, z3 = x3, z3, x2, z2
            self._swapped = wanted
        self._points = _rung(self._x1, x2, z2, x3, z3)
        self._bit -= 1
        if self._bit < 0 and self._swapped:
            x2, z2, x3, z3 = self._points
            self._points = (x3, z3, x2, z2)

    def _invert(self) -> None:
        z = self._points[1]
        for _ in range(_INVERSION_BITS):
            self._exponent_bit -= 1
            self._inverse = self._inverse * self._inverse % _PRIME
            if ((_PRIME - 2) >> self._exponent_bit) & 1:
                self._inverse = self._inverse * z % _PRIME


def _rung(x1: int, x2: int, z2: int, x3: int, z3: int) -> "tuple[int, int, int, int]":
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
