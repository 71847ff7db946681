# SPDX-License-Identifier: MIT
"""Seeded integer noise for the models of chips, the same on CPython and on the VM."""


class Noise:
    """An xorshift32 generator (Marsaglia 2003); four uniforms make a Gaussian (Irwin-Hall)."""

    def __init__(self, seed: int):
        self._state = seed & 0xFFFFFFFF or 1

    def below(self, limit: int) -> int:
        """Uniform in 0 .. limit - 1."""
        state = self._state
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        self._state = state
        return state % limit

    def symmetric(self, limit: int) -> int:
        """Uniform in -limit .. limit."""
        return self.below(2 * limit + 1) - limit

    def gauss(self, sigma: int) -> int:
        """Nearly Gaussian with this standard deviation, and never beyond 3.5 of it."""
        total = self.below(1001) + self.below(1001) + self.below(1001) + self.below(1001)
        return (total - 2000) * sigma // 578  # 1001 * sqrt(4 / 12)
