# SPDX-License-Identifier: MIT
"""Seeded mutations of well-formed inputs: the same seed gives the same inputs, everywhere."""

from collections.abc import Iterator
from random import Random

_EDGES = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF, 0x20, 0x2A, 0x22, 0x5B, 0x5D, 0x3D, 0x2D, 0x39)
_WORDS = (b"0", b"-1", b"1e999", b"nan", b"[]", b"{}", b"'", b'"', b"\n", b"\t", b"4294967296")


def inputs(seeds: list[bytes], seed: int, size_max: int = 70_000) -> Iterator[bytes]:
    """For ever; the first ones are the seeds themselves, the empty input and pure noise."""
    rng = Random(seed)
    yield b""
    yield from seeds
    while True:
        if rng.random() < 0.02:
            yield rng.randbytes(rng.choice((1, 5, 22, 23, 39, 51, 64, 128, 300)))
            continue
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
            rng.choice(_MUTATIONS)(rng, data, seeds)
        yield bytes(data[:size_max])


def _flip(rng: Random, data: bytearray, _: list[bytes]) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _edge(rng: Random, data: bytearray, _: list[bytes]) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.choice(_EDGES)


def _cut(rng: Random, data: bytearray, _: list[bytes]) -> None:
    start = rng.randrange(len(data) + 1)
    del data[start : start + rng.choice((1, 1, 2, 4, 16, len(data)))]


def _grow(rng: Random, data: bytearray, _: list[bytes]) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.randbytes(rng.choice((1, 2, 4, 16, 200)))


def _repeat(rng: Random, data: bytearray, _: list[bytes]) -> None:
    start = rng.randrange(len(data) + 1)
    part = data[start : start + rng.choice((1, 4, 16, 60))]
    at = rng.randrange(len(data) + 1)
    data[at:at] = part * rng.choice((1, 2, 10))


def _splice(rng: Random, data: bytearray, seeds: list[bytes]) -> None:
    other = rng.choice(seeds)
    data[rng.randrange(len(data) + 1) :] = other[rng.randrange(len(other) + 1) :]


def _word(rng: Random, data: bytearray, _: list[bytes]) -> None:
    at = rng.randrange(len(data) + 1)
    data[at : at + rng.choice((0, 1, 4))] = rng.choice(_WORDS)


_MUTATIONS = (_flip, _flip, _edge, _cut, _grow, _repeat, _splice, _word)
