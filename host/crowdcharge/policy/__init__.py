# SPDX-License-Identifier: MIT
"""PURE: the crowd protocols, one file each; `make` builds one by name."""

import sys
from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from crowdcharge.errors import InputError
from crowdcharge.escaping import shortened, shown
from crowdcharge.policy import finding
from crowdcharge.policy.ageing_aware import AgeingAwareDepth, AgeingAwareSoc
from crowdcharge.policy.ageing_measured import AgeingAwareMeasured
from crowdcharge.policy.base import AgentView, Encounter, Offer, Policy
from crowdcharge.policy.consent import offered
from crowdcharge.policy.expected_share import ExpectedShare
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
        AgeingAwareMeasured,
        AgeingAwareSoc,
        ExpectedShare,
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


def make(name: str, /, **options: Any) -> Policy:
    """Build a policy: one of ours by name, one that a package declares, or "module:Name".

    InputError names the known policies or the wrong option.
    """
    kind, known = _kind(name), parameters(name)
    takes_any = any(each.kind is Parameter.VAR_KEYWORD for each in known.values())
    for key, value in options.items():
        if key not in known:
            if takes_any:
                continue
            raise InputError(
                f"policy {name} has no option {shortened(key)}; known: {', '.join(known)}"
            )
        allowed, text = NUMBERS.get(known[key].annotation, ((), ""))
        if allowed and type(value) not in allowed:
            raise InputError(f"policy {name}: {key} must be {text}, not {shown(value)}")
    missing = [key for key, each in known.items() if _needed(each) and key not in options]
    if missing:
        raise InputError(f"policy {name} needs {' and '.join(missing)}")
    policy = _built(name, kind, options)
    if not callable(getattr(policy, "decide", None)):
        raise InputError(f"policy {name} cannot decide: it has no method decide")
    return policy


def _built(name: str, kind: Callable[..., Policy], options: Mapping[str, Any]) -> Policy:
    try:
        return kind(**options)
    except InputError:
        raise
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
        raise InputError(f"policy {name}: {shortened(str(error), 200)}") from None
    except (Exception, SystemExit) as error:
        if name in POLICIES:
            raise
        raise InputError(f"policy {name}: {finding.told(error)}") from error


def _kind(name: str) -> Callable[..., Policy]:
    if not isinstance(name, str):
        raise InputError(f'a policy goes by its name or by "module:Name", not {shown(name)}')
    if name in POLICIES:
        return POLICIES[name]
    if ":" in name:
        return finding.load(name)
    declared = finding.declared()
    if name in declared:
        return finding.load(declared[name])
    known = ", ".join(sorted({*POLICIES, *declared}))
    raise InputError(
        f'no policy "{shortened(name)}"; known: {known}; or "module:Name" of your own'
    )


def parameters(name: str) -> Mapping[str, Parameter]:
    """Return the options of a policy by name; InputError if there is no such policy."""
    try:
        return signature(_kind(name)).parameters
    except (TypeError, ValueError):  # a class written in C
        return {}


def source(name: str) -> Path | None:
    """Return the file that a policy by name comes from; None if it is not from a file."""
    module = sys.modules.get(getattr(_kind(name), "__module__", ""))
    path = getattr(module, "__file__", None)
    return Path(path) if path else None


def _needed(parameter: Parameter) -> bool:
    named = parameter.kind not in {Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL}
    return named and parameter.default is Parameter.empty


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
    "offered",
    "parameters",
    "source",
]
