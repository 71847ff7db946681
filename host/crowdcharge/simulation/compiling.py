# SPDX-License-Identifier: MIT
"""PURE: what the compiled event simulator knows of policies, readable without a compiler."""

from crowdcharge.policy import POLICIES, Policy
from crowdcharge.policy.rule import PairPolicy, PairRule

RULES: dict[str, PairRule] = {
    name: kind.rule
    for name, kind in POLICIES.items()
    if isinstance(kind, type) and issubclass(kind, PairPolicy)
}


def compiled_rule(policy: Policy) -> str:
    """Return the name of the rule that a policy is; empty if only its `decide` knows what it does.

    A subclass may decide otherwise, so it is not its parent.
    """
    known = policy.name in RULES and type(policy) is POLICIES[policy.name]
    return policy.name if known else ""
