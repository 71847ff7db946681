# SPDX-License-Identifier: MIT
"""Who meets whom, and what for, when a test alone decides it."""

from collections.abc import Collection, Sequence
from typing import Any

from crowdcharge.orchestrator.contacts import Meeting
from crowdcharge.policy.base import Offer


class Meetings:
    """Contacts that a test declares one by one."""

    def __init__(self) -> None:
        self._number = 0
        self.current: list[Meeting] = []

    def meet(self, pair: tuple[int, int], ends_s: float) -> None:
        self._number += 1
        self.current = [Meeting(*pair, self._number, ends_s)]

    async def meetings(self, _now_s: float, _free: Collection[int]) -> Sequence[Meeting]:
        return self.current

    async def touching(self, _now_s: float) -> Sequence[tuple[int, int]]:
        return [meeting.pair for meeting in self.current]


class Give:
    """A policy that lets the first of a pair send `energy_J`."""

    name = "give"
    energy_J = 500.0

    def decide(self, encounter: Any, *_: object) -> Offer:
        return Offer(encounter.a, encounter.b, self.energy_J)
