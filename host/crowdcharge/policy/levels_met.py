# SPDX-License-Identifier: MIT
"""PURE: what each agent remembers of the levels it has met."""


class LevelsMet:
    """A sum and a count for each agent; its own level at its first meeting is its first sample."""

    def __init__(self) -> None:
        self._count: dict[int, int] = {}
        self._total: dict[int, float] = {}

    def add(self, agent: int, own: float, other: float) -> tuple[float, int]:
        """Add the level that the agent has met; return the sum of all, and how many they are."""
        self._count[agent] = self._count.get(agent, 1) + 1
        self._total[agent] = self._total.get(agent, own) + other
        return self._total[agent], self._count[agent]
