# SPDX-License-Identifier: MIT
"""The policy in the compiled world: the rules of `crowdcharge.policy`, compiled as they stand.

An offer is (transmitter, receiver, energy); no energy, no offer.
"""

from typing import Any, cast

from crowdcharge.policy.links import is_crowded
from crowdcharge.policy.rule import Side
from crowdcharge.simulation.city.board_kernels import advance
from crowdcharge.simulation.city.jit import jit, jit_plain, switch
from crowdcharge.simulation.compiling import RULES

crowded = jit_plain(cast("Any", is_crowded))
by_rule = switch([jit_plain(cast("Any", rule)) for rule in RULES.values()])
IN_PYTHON = -1  # the number of a rule that only the policy's own `decide` knows
ENOUGH, NEEDS_ANSWER, NEEDS_LOOK, NEEDS_COINS, NEEDS_LINKS = range(5)


@jit
def lacks(mind: Any, now_s: Any) -> Any:
    """Say what the policy has to do in Python before the next decision; ENOUGH: nothing."""
    asked, told = mind.asked[0], mind.told[0]
    if asked.flips_coins and asked.coin == len(mind.coins):
        return NEEDS_COINS
    if crowded(mind.tables.links, told.linked):
        return NEEDS_LINKS
    if asked.is_served:
        return ENOUGH
    if asked.rule == IN_PYTHON:
        return NEEDS_ANSWER
    return NEEDS_LOOK if asked.looks and now_s - told.level_s >= told.fresh_s else ENOUGH


@jit
def decide(city: Any, mind: Any, a: Any, b: Any) -> Any:
    asked, told, now_s = mind.asked[0], mind.told[0], city.state[0].now_s
    asked.is_served = 0
    if asked.rule == IN_PYTHON:
        return asked.ptx, asked.prx, asked.offered_J
    advance(city.boards[a], now_s)
    advance(city.boards[b], now_s)
    if asked.flips_coins:
        told.coin = mind.coins[asked.coin]
        asked.coin += 1
    one, other = Side(a, city.boards[a], mind.keeps[a]), Side(b, city.boards[b], mind.keeps[b])
    sent_J = by_rule(asked.rule, told, mind.tables, now_s, one, other)
    if sent_J > 0:
        return a, b, sent_J
    return b, a, -sent_J
