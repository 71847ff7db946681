# SPDX-License-Identifier: MIT
"""How one amount is shared among several, in whole numbers that add up exactly.

No board loads this yet: hosts share a group's budget by it, and ledgers what a group's pad sent.
"""

EQUAL = "equal"
NEED = "need"
FIRST_COME = "first-come"


def apportion(total: int, weights: list) -> list:
    """Share `total` by `weights` (Hamilton's largest remainders; equal ones where all are 0)."""
    if not any(weights):
        weights = [1] * len(weights)
    whole = sum(weights)
    shares = [total * weight // whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for i in order[: total - sum(shares)]:
        shares[i] += 1
    return shares


def _equal(total: int, needs: list) -> list:
    """Fill all alike; what one does not need is the others'."""
    shares = [0] * len(needs)
    order = sorted(range(len(needs)), key=lambda i: needs[i])
    for position in range(len(order)):
        i = order[position]
        shares[i] = min(needs[i], total // (len(order) - position))
        total -= shares[i]
    return shares


def _first_come(total: int, needs: list) -> list:
    shares = []
    for need in needs:
        shares.append(min(need, total))
        total -= shares[-1]
    return shares


RULES = {EQUAL: _equal, NEED: apportion, FIRST_COME: _first_come}


def shares(rule: str, budget: int, needs: list) -> list:
    """Return what each may have: never above its need, all together min(budget, needs).

    `needs` are in the order in which their owners came.
    """
    return RULES[rule](min(budget, sum(needs)), needs)
