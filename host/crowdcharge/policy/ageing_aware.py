# SPDX-License-Identifier: MIT
"""PURE: AG1 and AG2, which share only when the two batteries together age less for it."""

from typing import Any

from crowdcharge.errors import InputError
from crowdcharge.policy.ageing import (
    XU_TIME_per_s,
    xu_depth_stress,
    xu_soc_stress,
    xu_temperature_stress,
)
from crowdcharge.policy.loss_aware import check_beta
from crowdcharge.policy.online_average import across_average
from crowdcharge.policy.pairwise import Weights, check_weights
from crowdcharge.policy.rule import PairPolicy, Side, Tables

TRIALS = 16
COLDEST_C, HOTTEST_C = -40.0, 125.0  # what a thermistor can tell


def spare_batteries(told: Any, tables: Tables, now_s: float, one: Side, other: Side) -> float:
    most_J = across_average(told, tables, now_s, one, other)
    if most_J < 0:
        return -least_stress_J(told, other, one, -most_J)
    return least_stress_J(told, one, other, most_J)


def least_stress_J(told: Any, ptx: Side, prx: Side, most_J: float) -> float:
    """Return that part of `most_J` with which the two age least, if it is sent."""
    best_J, least = 0.0, pair_stress(told, ptx, prx, 0.0)
    for k in range(1, TRIALS + 1):
        sent_J = most_J * k / TRIALS
        stress = pair_stress(told, ptx, prx, sent_J)
        if stress < least:
            best_J, least = sent_J, stress
    return best_J


def pair_stress(told: Any, ptx: Side, prx: Side, sent_J: float) -> float:
    """Predict the ageing of the pair after the transfer, in units of Xu's f_d.

    Of AG3 alone agents keep a half cycle and a fade, and it alone minds the heat of the coil.
    """
    stress: float = told.price * told.beta * sent_J / ptx.has.capacity_J
    for side, gained_J in ((ptx, -sent_J), (prx, (1 - told.beta) * sent_J)):
        has, keeps = side.has, side.keeps
        step = gained_J / (has.capacity_J * (1 - keeps.fade))
        heat = heat_stress(has.coil_C) if told.minds_heat else 1.0
        soc_stress = xu_soc_stress(has.energy_J / has.capacity_J + step)
        resting = XU_TIME_per_s * told.horizon_s
        stress += (resting + step_stress(keeps.end - keeps.turn, step) * heat) * soc_stress
    return stress


def step_stress(share: float, step: float) -> float:
    """Return what a further `step` adds to Xu's stress of depth, for half a cycle.

    `share` is the charge (0..1) since that half cycle began, above 0 while it rises. A step onward
    deepens it, a step back begins a new one. What rainflow counting makes of a step back beyond
    the turn is left out.
    """
    if step * share < 0:
        return 0.5 * depth_stress(abs(step))
    return 0.5 * (depth_stress(abs(share) + abs(step)) - depth_stress(abs(share)))


def depth_stress(depth: float) -> float:
    return xu_depth_stress(min(depth, 1.0)) if depth else 0.0


def heat_stress(coil_C: float) -> float:
    return xu_temperature_stress(min(max(coil_C, COLDEST_C), HOTTEST_C))


def spare_and_hold(told: Any, tables: Tables, now_s: float, one: Side, other: Side) -> float:
    sent_J = spare_batteries(told, tables, now_s, one, other)
    if sent_J == 0:
        return 0.0
    ptx, prx = (one.keeps, other.keeps) if sent_J > 0 else (other.keeps, one.keeps)
    if now_s < ptx.waits_s:
        return 0.0
    prx.waits_s = now_s + told.hold_s
    return sent_J


class AgeingAwareSoc(PairPolicy):
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
    rule = staticmethod(spare_batteries)
    minds_heat = False

    def __init__(
        self,
        beta: float = 0.2,
        horizon_s: float = 86_400.0,
        price: float = 0.0,
        weights: Weights = "capacity",
    ) -> None:
        super().__init__()
        if not horizon_s > 0 or price < 0:
            raise InputError("horizon_s must be positive and price must not be negative")
        self.beta, self.horizon_s, self.price = check_beta(beta), horizon_s, price
        self.weights = check_weights(weights)


class AgeingAwareDepth(AgeingAwareSoc):
    """AG2, a reconstruction: AG1, except that an agent that received does not send for `hold_s`.

    Rainflow counting turns such reversals into deep cycles.
    """

    name = "ageing-aware-depth"
    says = "As small as the batteries' ageing asks, and who has just received gives nothing yet."
    rule = staticmethod(spare_and_hold)

    def __init__(
        self,
        beta: float = 0.2,
        horizon_s: float = 86_400.0,
        hold_s: float = 86_400.0,
        price: float = 0.0,
        weights: Weights = "capacity",
    ) -> None:
        super().__init__(beta, horizon_s, price, weights)
        if hold_s < 0:
            raise InputError(f"hold_s must not be negative, not {hold_s!r}")
        self.hold_s = hold_s
