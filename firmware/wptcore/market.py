# SPDX-License-Identifier: MIT
"""A peer's side of the market: private terms, masked answers, energy at the cleared price.

The cost is a E^2 + b E and every peer takes the energy E = (price - b) / 2a within its bounds
(equation (10) of Nguyen's lane paper, bounds added). All numbers are integers with 48 fraction
bits: price in credits/Wh, a in credits/Wh^2, energy in Wh. What leaves the peer is its answer plus
masks that cancel only in the sum over the whole roster, so the relay learns sums and no peer.
After Bonawitz et al. (CCS 2017), with a restart in place of secret-shared seeds; no peer ever
lets two sums be opened over different rosters, because their difference would be a peer.
"""

from wptcore import x25519
from wptcore.auth import hmac_sha256
from wptcore.compat import const

FRACTION_BITS = const(48)
WORD_SIZE = const(16)
MODULUS = 1 << 128

PEERS_MIN = const(3)  # with two, each learns the other from the sum
ROUNDS_MAX = const(32)  # each opened sum is one more point of the peers' common demand curve

# Received energy by sent energy; less means that a link or a meter is broken.
EFFICIENCY_MIN_permille = const(400)

_mJ_PER_Wh = const(3_600_000)
_PAIR_KEY = b"crowdcharge market pair"


def divide(numerator: int, denominator: int) -> int:
    """Divides, rounding half up; the denominator is positive."""
    return (2 * numerator + denominator) // (2 * denominator)


def signed(word: int) -> int:
    """Return the integer in [-2^127, 2^127) that a sum modulo 2^128 stands for."""
    word %= MODULUS
    return word - MODULUS if word >> 127 else word


def energy_mJ(energy: int) -> int:
    return divide(energy * _mJ_PER_Wh, 1 << FRACTION_BITS)


def energy_of_mJ(energy_mJ: int) -> int:
    return divide(energy_mJ << FRACTION_BITS, _mJ_PER_Wh)


class Terms:
    """What a peer keeps to itself. `low` and `high` bound its energy; 0 lies between them."""

    def __init__(self, a: int, b: int, low: int, high: int):
        if a <= 0 or b <= 0 or low > 0 or high < 0:
            raise ValueError("terms need a > 0, b > 0 and low <= 0 <= high")
        self.a = a
        self.b = b
        self.low = low
        self.high = high

    def energy(self, price: int) -> int:
        free = divide((price - self.b) << FRACTION_BITS, 2 * self.a)
        return max(self.low, min(self.high, free))

    def answer(self, price: "int | None") -> "tuple[int, int]":
        """(c, s) with 2 E(p) = p s - c near this price; without one, as if no bound were met."""
        if price is not None:
            energy = self.energy(price)
            if energy == self.low or energy == self.high:
                return -2 * energy, 0
        c = divide(self.b << FRACTION_BITS, self.a)
        s = divide(1 << (2 * FRACTION_BITS), self.a)
        return c, s


class Peer:
    """One market session of one peer. ValueError means: the relay broke the rules, say nothing.

    `sha256` as in hashlib, `random(n)` gives n bytes that nobody can guess, `trusted` holds the
    public keys this peer accepts (None accepts all: then a relay that swaps keys is not caught).
    `key_pair` is this peer's x25519.KeyPair, or one that makes the same in another way; without
    it the peer draws a secret of its own.
    """

    def __init__(self, sha256, random, terms: Terms, session: bytes, trusted=None, key_pair=None):
        self._sha256 = sha256
        self._random = random
        self._terms = terms
        self._session = session
        self._trusted = trusted
        self._key_pair = key_pair or x25519.KeyPair(random(x25519.KEY_SIZE))
        self.public_key: bytes = self._key_pair.public_key
        self._pair_keys: "dict[bytes, bytes]" = {}
        self.roster: "tuple[bytes, ...]" = ()
        self._round = -1
        self._asked: "int | None" = None
        self._own_mask: "tuple[int, int] | None" = None
        self._opened = False

    def join(self, roster: "list[bytes]") -> None:
        """`roster` has the public keys of all who take part. It may shrink until a sum opened."""
        keys = tuple(sorted(roster))
        self._check_roster(keys)
        for key in keys:
            if key != self.public_key and key not in self._pair_keys:
                shared = self._key_pair.shared_secret(key)
                self._pair_keys[key] = hmac_sha256(self._sha256, shared, _PAIR_KEY)
        self.roster = keys
        self._own_mask = None

    def answer(self, round_no: int, price: "int | None") -> "tuple[int, int]":
        """Return this round's masked answer, once: a mask that is used twice hides nothing."""
        if not self.roster or not self._round < round_no < ROUNDS_MAX:
            raise ValueError("no roster yet, or the round was answered")
        self._round = round_no
        self._asked = price
        self._own_mask = _words(self._random(2 * WORD_SIZE))
        c, s = self._terms.answer(price)
        mask_c, mask_s = self._own_mask
        pair_c, pair_s = self._pair_masks(round_no, price)
        return (c + mask_c + pair_c) % MODULUS, (s + mask_s + pair_s) % MODULUS

    def open(self, round_no: int, present: "list[bytes]") -> "tuple[int, int] | None":
        """Return the own mask if all have answered; None ends the round for good."""
        own_mask = self._own_mask
        self._own_mask = None
        if own_mask is None or round_no != self._round:
            raise ValueError("no answer to open")
        if tuple(sorted(present)) != self.roster:
            return None
        self._opened = True
        return own_mask

    def commit(self, price: int) -> int:
        """Return the energy that this peer will trade at the last price it was asked.

        Afterwards it answers nothing, and before it a sum must have been opened: from the
        energies at two prices of its choice the relay could compute the terms.
        """
        if not self._opened or price != self._asked:
            raise ValueError("not the price that was agreed")
        self._round = ROUNDS_MAX
        self._own_mask = None
        return self._terms.energy(price)

    def _check_roster(self, keys: "tuple[bytes, ...]") -> None:
        if len(keys) < PEERS_MIN or len(set(keys)) != len(keys):
            raise ValueError("roster too small or with a key twice")
        if self.public_key not in keys:
            raise ValueError("roster without this peer")
        if self._opened:
            raise ValueError("a sum was opened: the roster is final")
        if self.roster and not set(keys) < set(self.roster):
            raise ValueError("a roster can only shrink")
        if self._trusted is not None and not set(keys) <= self._trusted | {self.public_key}:
            raise ValueError("roster with a key that is not trusted")

    def _pair_masks(self, round_no: int, price: "int | None") -> "tuple[int, int]":
        """Return the sum of the pair masks: the smaller key of a pair adds, the larger subtracts.

        The masks depend on the question, so they cancel only if all were asked the same one.
        Otherwise two sums would differ by the answer of a peer that was asked another price.
        """
        members = self._sha256(b"".join(self.roster)).digest()
        question = b"free" if price is None else (price % MODULUS).to_bytes(WORD_SIZE, "little")
        context = self._session + members + bytes([round_no]) + question
        c = s = 0
        for key in self.roster:
            if key != self.public_key:
                mask_c, mask_s = _words(hmac_sha256(self._sha256, self._pair_keys[key], context))
                sign = 1 if self.public_key < key else -1
                c += sign * mask_c
                s += sign * mask_s
        return c, s


def _words(data: bytes) -> "tuple[int, int]":
    return (
        int.from_bytes(data[:WORD_SIZE], "little"),
        int.from_bytes(data[WORD_SIZE:], "little"),
    )
