# SPDX-License-Identifier: MIT
"""The sums of a market under Paillier's additively homomorphic encryption.

Two parties that must not collude: the lane makes the key, the relay adds up what it cannot read.
The peers need no keys of each other and one message each, but 2048-bit arithmetic is for a phone
or a car, not for a microcontroller. LightPHE (MIT) was passed over: its Paillier draws keys and
blinding from Python's `random`, which can be predicted; `phe` is GPL. `pailliers` (MIT) draws
from the operating system.
"""

import math
from collections.abc import Iterable, Sequence

import pailliers  # type: ignore[import-untyped]  # it ships no stubs

from crowdcharge.market.search import Sums
from wptcore.market import FRACTION_BITS, MODULUS, Terms, signed

KEY_BITS = 2048
_SHIFT = 256  # c and s share a plaintext: sums of 128-bit words never reach bit 256


class KeyHolder:
    """The lane, which alone can decrypt and is only ever given the sum."""

    def __init__(self, key_bits: int = KEY_BITS) -> None:
        self._secret = pailliers.secret(key_bits // 2)
        self.public = pailliers.public(self._secret)

    def sums(self, ciphertext: int) -> Sums:
        plain = int(pailliers.decrypt(self._secret, pailliers.cipher(ciphertext)))
        c, s = signed(plain % (1 << _SHIFT)), signed(plain >> _SHIFT)
        return math.ldexp(c, -FRACTION_BITS), math.ldexp(s, -FRACTION_BITS)


def encrypted_answer(public: Sequence[int], terms: Terms, price: int | None) -> int:
    """Encrypt both words of one peer's answer, modulo 2^128, in one ciphertext."""
    c, s = terms.answer(price)
    return int(pailliers.encrypt(public, (c % MODULUS) | (s % MODULUS) << _SHIFT))


def add_encrypted(public: Sequence[int], ciphertexts: Iterable[int]) -> int:
    """Add ciphertexts as the relay does; Paillier adds by multiplying modulo n^2."""
    return int(pailliers.add(public, *(pailliers.cipher(each) for each in ciphertexts)))
