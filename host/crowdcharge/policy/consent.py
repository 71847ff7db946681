# SPDX-License-Identifier: MIT
"""PURE: what a policy decides within what the owners give and want, and why.

Policies may look at `gives_J` and `wants_J` themselves; no policy needs to, because its offer is
bounded by them here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from crowdcharge.policy.base import AgentView, Encounter, Offer, Policy


@dataclass(frozen=True, slots=True)
class Decision:
    """`offer` None: no transfer; `reason` says in a sentence why, or what bounds it."""

    offer: Offer | None
    reason: str


def decided(
    policy: Policy,
    encounter: Encounter,
    views: Mapping[int, AgentView],
    now_s: float,
    rng: np.random.Generator,
) -> Decision:
    """Ask the policy once, and keep to what the two owners said."""
    offer = policy.decide(encounter, views, now_s, rng)
    if offer is None or offer.energy_J <= 0:
        return Decision(None, "The policy wants nothing from it now.")
    ptx, prx = offer.ptx, offer.prx
    gives_J, wants_J = views[ptx].gives_J, views[prx].wants_J
    if gives_J <= 0:
        return Decision(None, f"The owner of board {ptx} lets it give nothing now.")
    if wants_J <= 0:
        return Decision(None, f"The owner of board {prx} wants nothing now.")
    energy_J = min(offer.energy_J, gives_J, wants_J)
    reason = f"The policy lets board {ptx} give to board {prx}."
    if energy_J < offer.energy_J:
        bound = f"board {ptx} may give" if gives_J <= wants_J else f"board {prx} wants"
        reason = f"Bounded by what {bound}."
    return Decision(replace(offer, energy_J=energy_J), reason)


def grants_a_wish(pair: tuple[int, int], views: Mapping[int, AgentView]) -> bool:
    """Tell whether one of the two wants a certain energy and the other one may give."""
    return any(
        one in views
        and other in views
        and 0 < views[one].wants_J < float("inf")
        and views[other].gives_J > 0
        for one, other in (pair, pair[::-1])
    )
