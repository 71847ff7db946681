# SPDX-License-Identifier: MIT
"""A crowd small enough to follow by hand, driven through `decide` like boards are."""

from dataclasses import dataclass
from math import inf

import numpy as np
import pytest

from crowdcharge.policy import Encounter


@dataclass
class Agent:
    energy_J: float
    capacity_J: float = inf
    coil_C: float = 25.0


class Crowd:
    def __init__(self, energies, beta=0.0, capacity=inf, seed=0):
        self.views = {k: Agent(e, capacity) for k, e in enumerate(energies)}
        self.beta = beta
        self.sent_J = 0.0
        self.rng = np.random.default_rng(seed)

    def meet(self, policy, a, b, now_s=0.0):
        offer = policy.decide(Encounter(a, b), self.views, now_s, self.rng)
        if offer is not None:
            assert {offer.ptx, offer.prx} == {a, b}
            assert 0 < offer.energy_J <= self.views[offer.ptx].energy_J * (1 + 1e-12)
            self.views[offer.ptx].energy_J -= offer.energy_J
            self.views[offer.prx].energy_J += (1 - self.beta) * offer.energy_J
            self.sent_J += offer.energy_J
        return offer

    def mingle(self, policy, meetings, step_s=0.0):
        n = len(self.views)
        first, step = self.rng.integers(n, size=meetings), self.rng.integers(1, n, size=meetings)
        for k, (a, b) in enumerate(
            zip(first.tolist(), ((first + step) % n).tolist(), strict=True)
        ):
            self.meet(policy, a, b, k * step_s)
        return self

    @property
    def energies(self):
        return np.array([view.energy_J for view in self.views.values()])


@pytest.fixture
def crowd():
    return Crowd
