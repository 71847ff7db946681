# SPDX-License-Identifier: MIT
"""PURE: the crowd protocols, one file each; `make` builds one by name."""

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

from crowdcharge.errors import InputError
from crowdcharge.policy.ageing_aware import AgeingAwareDepth, AgeingAwareSoc
from crowdcharge.policy.base import AgentView, Encounter, Offer, Policy
from crowdcharge.policy.loss_aware import LossAware
from crowdcharge.policy.mobility_social import MobilitySocial
from crowdcharge.policy.oblivious_share import ObliviousShare
from crowdcharge.policy.online_average import OnlineAverage
from crowdcharge.policy.plan_following import PlanFollowing
from crowdcharge.policy.small_transfer import SmallTransfer
from crowdcharge.policy.social import SocialGate, SocialWeight
from crowdcharge.policy.star import StarFormation
from crowdcharge.policy.tree import TreeFormation
from crowdcharge.policy.uav_hub import UavHub

POLICIES: dict[str, Callable[..., Policy]] = {
    policy.name: policy
    for policy in (
        AgeingAwareDepth,
        AgeingAwareSoc,
        LossAware,
        MobilitySocial,
        ObliviousShare,
        OnlineAverage,
        PlanFollowing,
        SmallTransfer,
        SocialGate,
        SocialWeight,
        StarFormation,
        TreeFormation,
        UavHub,
    )
}


def make(name: str, **options: Any) -> Policy:
    """Build the policy of that name; InputError names the known policies or the wrong option."""
    if name not in POLICIES:
        raise InputError(f'no policy "{name}"; known: {", ".join(sorted(POLICIES))}')
    known = signature(POLICIES[name]).parameters
    for key, value in options.items():
        if key not in known:
            raise InputError(f"policy {name} has no option {key}; known: {', '.join(known)}")
        allowed, text = NUMBERS.get(known[key].annotation, ((), ""))
        if allowed and type(value) not in allowed:
            raise InputError(f"policy {name}: {key} must be {text}, not {value!r}")
    missing = [
        key for key in known if known[key].default is Parameter.empty and key not in options
    ]
    if missing:
        raise InputError(f"policy {name} needs {' and '.join(missing)}")
    try:
        return POLICIES[name](**options)
    except TypeError as error:
        raise InputError(f"policy {name}: {error}") from None


NUMBERS: dict[Any, tuple[tuple[type, ...], str]] = {
    float: ((int, float), "a number"),
    int: ((int,), "a whole number"),
    int | None: ((int,), "a whole number"),
}

__all__ = [
    "POLICIES",
    "AgentView",
    "Encounter",
    "ObliviousShare",
    "Offer",
    "OnlineAverage",
    "Policy",
    "SmallTransfer",
    "make",
]
