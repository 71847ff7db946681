# SPDX-License-Identifier: MIT
"""PURE: AG1 and AG2, which share only when the two batteries together age less for it."""

from collections.abc import Mapping

import numpy as np

from crowdcharge.errors import InputError
from crowdcharge.policy.ageing import XU_TIME_per_s, xu_depth_stress, xu_soc_stress
from crowdcharge.policy.base import AgentView, Encounter, Offer
from crowdcharge.policy.loss_aware import check_beta
from crowdcharge.policy.online_average import OnlineAverage
from crowdcharge.policy.pairwise import Weights

TRIALS = 16


class AgeingAwareSoc:
    """AG1: send that part of P_OA's amount which lowers the predicted ageing of the two most.

    The predicted ageing is the calendar stress of Xu et al. 2018 over `horizon_s` at the new
    levels, plus the half cycles that the transfer adds to both, plus `price` for each capacity's
    worth of energy lost. If no part lowers it, nothing is sent. The default horizon is a day,
    because the new levels last until the next charge. This is a reconstruction after Ojha, Raptis,
    Passarella, Conti, arXiv 2204.09311: the paper's two protocols, its ageing model and its QoE
    were not available.
    """

    name = "ageing-aware-soc"
    says = "A transfer is made only as large as it makes the two batteries age less."

    def __init__(
        self,
        beta: float = 0.2,
        horizon_s: float = 86_400.0,
        price: float = 0.0,
        weights: Weights = "capacity",
    ) -> None:
        if not horizon_s > 0 or price < 0:
            raise InputError("horizon_s must be positive and price must not be negative")
        self.beta, self.horizon_s, self.price = check_beta(beta), horizon_s, price
        self._average = OnlineAverage(weights)

    def decide(
        self,
        encounter: Encounter,
        views: Mapping[int, AgentView],
        now_s: float,
        rng: np.random.Generator,
    ) -> Offer | None:
        most = self._average.decide(encounter, views, now_s, rng)
        if most is None:
            return None
        amounts_J = [most.energy_J * k / TRIALS for k in range(TRIALS + 1)]
        energy_J = min(amounts_J, key=lambda sent_J: self._stress(most, views, sent_J))
        return Offer(most.ptx, most.prx, energy_J) if energy_J > 0 else None

    def _stress(self, most: Offer, views: Mapping[int, AgentView], sent_J: float) -> float:
        """Predict the ageing of the pair after the transfer, in units of Xu's f_d."""
        stress = self.price * self.beta * sent_J / views[most.ptx].capacity_J
        for board_id, gained_J in ((most.ptx, -sent_J), (most.prx, (1 - self.beta) * sent_J)):
            view = views[board_id]
            soc = (view.energy_J + gained_J) / view.capacity_J
            stress += XU_TIME_per_s * self.horizon_s * xu_soc_stress(soc)
            if depth := abs(gained_J) / view.capacity_J:
                stress += 0.5 * xu_depth_stress(depth) * xu_soc_stress(soc)
        return stress


class AgeingAwareDepth:
    """AG2, a reconstruction: AG1, except that an agent that received does not send for `hold_s`.

    Rainflow counting turns such reversals into deep cycles.
    """

    name = "ageing-aware-depth"
    says = "As small as the batteries' ageing asks, and who has just received gives nothing yet."

    def __init__(
        self,
        beta: float = 0.2,
        horizon_s: float = 86_400.0,
        hold_s: float = 86_400.0,
        price: float = 0.0,
        weights: Weights = "capacity",
    ) -> None:
        if hold_s < 0:
            raise InputError(f"hold_s must not be negative, not {hold_s!r}")
        self.hold_s = hold_s
        self._soc = AgeingAwareSoc(beta, horizon_s, price, weights)
        self._received_s: dict[int, float] = {}

    def decide(
        self,
        encounter: Encounter,
        views: Mapping[int, AgentView],
        now_s: float,
        rng: np.random.Generator,
    ) -> Offer | None:
        offer = self._soc.decide(encounter, views, now_s, rng)
        if offer is None or now_s < self._received_s.get(offer.ptx, -np.inf) + self.hold_s:
            return None
        self._received_s[offer.prx] = now_s
        return offer
