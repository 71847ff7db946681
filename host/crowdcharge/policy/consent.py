# SPDX-License-Identifier: MIT
"""PURE: what a policy decides within what the owners and the crowd allow, and why.

Policies may look at `gives_J` and `wants_J` themselves; no policy needs to, because its offer is
bounded by them here, and by what the crowd's rewards let a board take.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf, isfinite
from operator import itemgetter
from types import MappingProxyType

import numpy as np

from crowdcharge.errors import WptError
from crowdcharge.escaping import shown
from crowdcharge.policy.base import AgentView, Encounter, Offer, Policy
from crowdcharge.policy.finding import told


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
    takes_J: Mapping[int, float] = MappingProxyType({}),
) -> Decision:
    """Ask the policy once, and keep to what the two owners said and the crowd lets each take.

    `takes_J`: by board what its credit allows; a board that is missing is not bounded. WptError
    if the policy fails, or offers what cannot be.
    """
    offer = offered(policy, encounter, views, now_s, rng)
    if offer is None:
        return Decision(None, "The policy wants nothing from it now.")
    ptx, prx = offer.ptx, offer.prx
    gives_J, wants_J = views[ptx].gives_J, views[prx].wants_J
    if gives_J <= 0:
        return Decision(None, f"The owner of board {ptx} lets it give nothing now.")
    if wants_J <= 0:
        return Decision(None, f"The owner of board {prx} wants nothing now.")
    credit_J = takes_J.get(prx, inf)
    if credit_J <= 0:
        return Decision(None, f"Board {prx} has taken all that its credit allows.")
    bounds = (
        (offer.energy_J, f"The policy lets board {ptx} give to board {prx}."),
        (gives_J, f"Bounded by what board {ptx} may give."),
        (wants_J, f"Bounded by what board {prx} wants."),
        (credit_J, f"Bounded by the credit of board {prx}."),
    )
    energy_J, reason = min(bounds, key=itemgetter(0))
    return Decision(replace(offer, energy_J=energy_J), reason)


def offered(
    policy: Policy,
    encounter: Encounter,
    views: Mapping[int, AgentView],
    now_s: float,
    rng: np.random.Generator,
) -> Offer | None:
    """Ask the policy once; no energy is no offer.

    WptError if it fails, or offers what cannot be.
    """
    try:
        offer = policy.decide(encounter, views, now_s, rng)
        if offer is None:
            return None
        plain = in_plain_numbers(offer, encounter)
    except WptError:
        raise
    except (Exception, SystemExit) as error:
        raise WptError(f"policy {policy.name} failed: {told(error)}") from error
    if plain is None:
        raise WptError(f"policy {policy.name} offers what cannot be: {shown(offer, 200)}")
    return plain if plain.energy_J > 0 else None


def in_plain_numbers(offer: Offer, encounter: Encounter) -> Offer | None:
    """Return the offer as int and float, whatever its policy counts in; None if it cannot be.

    A number of single precision would round all that it is added to.
    """
    if not isinstance(offer, Offer):  # it may be anybody's
        return None
    pair = encounter.a, encounter.b
    if {offer.ptx, offer.prx} != {*pair} or not isfinite(offer.energy_J):
        return None
    ptx, prx = pair if offer.ptx == encounter.a else pair[::-1]
    return Offer(ptx, prx, float(offer.energy_J))


def grants_a_wish(pair: tuple[int, int], views: Mapping[int, AgentView]) -> bool:
    """Tell whether one of the two wants a certain energy and the other one may give."""
    return any(
        one in views
        and other in views
        and 0 < views[one].wants_J < inf
        and views[other].gives_J > 0
        for one, other in (pair, pair[::-1])
    )
