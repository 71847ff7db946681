# SPDX-License-Identifier: MIT
"""PURE: who meets whom: random pairs and random matchings, as functions of (seed, position).

Nothing is drawn from a stateful generator: meeting k is a hash of (seed, k), so that both engines
and any number of threads walk the same schedule without storing it.
`kernels.py` repeats `mix` and `permuted` for scalars; a test holds the two equal.
"""

import numpy as np
from numpy.typing import NDArray

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
LOW_32 = np.uint64(0xFFFFFFFF)
ONE = np.uint64(1)
# Fewer steps leave a measurable bias (chi-square over 3 million pairs): 8 steps in matchings of 8
# agents, 5 steps in those of 64. From 1000 agents on, 4 steps showed none.
STEPS, STEPS_LARGE, LARGE_bits = 10, 6, 12

Indices = NDArray[np.uint64]


def mix(x: Indices) -> Indices:
    """Apply SplitMix64's output function (Steele, Lea, Flood, OOPSLA 2014)."""
    with np.errstate(over="ignore"):
        x = (x ^ (x >> np.uint64(30))) * MIX_1
        x = (x ^ (x >> np.uint64(27))) * MIX_2
    return x ^ (x >> np.uint64(31))


def stream(seed: int) -> np.uint64:
    """Find where the stream of a seed begins; close seeds give unrelated streams."""
    return np.uint64(mix(np.array([seed % (1 << 64)], np.uint64))[0])


def draws(seed: int, start: int, count: int) -> Indices:
    """Return `count` 64-bit draws of the stream of `seed` from position `start` on."""
    with np.errstate(over="ignore"):
        positions = np.arange(start, start + count, dtype=np.uint64)
        return mix(stream(seed) + positions * GOLDEN)


def random_pairs(n: int, seed: int, start: int, count: int) -> Indices:
    """Return meetings start..start+count-1 (count, 2), each a uniform pair of distinct agents.

    A 32-bit multiply-shift maps each half of a draw to a range, so single agents deviate from
    uniform by at most n / 2**32.
    """
    x = draws(seed, start, count)
    a = ((x >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32)
    b = ((x & LOW_32) * np.uint64(n - 1)) >> np.uint64(32)
    return np.stack((a, b + (b >= a)), axis=1)


def round_keys(n: int, seed: int, first: int, count: int) -> Indices:
    """Draw the keys (count, steps, 2) of `count` matchings: addends and odd factors."""
    steps = STEPS if bits_of(n) < LARGE_bits else STEPS_LARGE
    keys = draws(seed, 2 * STEPS * first, 2 * STEPS * count).reshape(count, STEPS, 2)
    keys[:, :, 1] |= ONE
    return np.ascontiguousarray(keys[:, :steps])


def bits_of(n: int) -> int:
    return max(1, (n - 1).bit_length())


def permuted(x: Indices, bits: int, keys: Indices) -> Indices:
    """Permute [0, 2**bits) by keys: each step adds, multiplies by an odd number and folds."""
    mask = np.uint64((1 << bits) - 1)
    shifts = (np.uint64((bits + 1) // 2), np.uint64(max(1, (bits + 2) // 3)))
    with np.errstate(over="ignore"):
        for step, (addend, factor) in enumerate(keys):
            x = ((x + addend) * factor) & mask
            x = x ^ (x >> shifts[step % 2])
    return x


def random_matching(n: int, seed: int, index: int) -> Indices:
    """Return round `index` (n // 2, 2) of disjoint pairs; with odd n one agent sits out.

    Positions are permuted by `permuted` on the next power of two; values of n or more are
    permuted again until they fall below n (cycle walking), which keeps it a bijection.
    """
    bits, keys = bits_of(n), round_keys(n, seed, index, 1)[0]
    onward = permuted(np.arange(1 << bits, dtype=np.uint64), bits, keys)
    agents = onward[:n]
    while (outside := np.flatnonzero(agents >= n)).size:
        agents[outside] = onward[agents[outside]]
    return agents[: n - n % 2].reshape(-1, 2)
