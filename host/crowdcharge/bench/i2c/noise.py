# SPDX-License-Identifier: MIT
"""Seeded noise for the models of chips, in integers: the same on CPython and on the VM."""


class Noise:
    """xorshift32 (Marsaglia 2003); four uniforms pass for a Gaussian (Irwin-Hall)."""

    def __init__(self, seed: int):
        self._state = seed & 0xFFFFFFFF or 1

    def below(self, limit: int) -> int:
        """0 .. limit - 1."""
        state = self._state
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        self._state = state
        return state % limit

    def symmetric(self, limit: int) -> int:
        """-limit .. limit, evenly."""
        return self.below(2 * limit + 1) - limit

    def gauss(self, sigma: int) -> int:
        """Near-Gaussian with this standard deviation, never beyond 3.5 of it."""
        total = self.below(1001) + self.below(1001) + self.below(1001) + self.below(1001)
        return (total - 2000) * sigma // 578  # 1001 * sqrt(4 / 12)
