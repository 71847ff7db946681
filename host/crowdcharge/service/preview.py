# SPDX-License-Identifier: MIT
"""What the policy would want of pairs that it has not been asked about yet.

Policies remember what they were asked, so a copy is asked, and in another thread: a plan may take
longer to make than a renewal may wait.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np

from crowdcharge.boards.models import BoardAgent
from crowdcharge.orchestrator.contacts import Pair
from crowdcharge.orchestrator.orchestrator import Orchestrator
from crowdcharge.policy.base import Encounter, Policy
from crowdcharge.policy.consent import decided

Aside = Callable[..., Awaitable[Any]]


async def wants(
    orchestrator: Orchestrator, pairs: Sequence[Pair], aside: Aside = asyncio.to_thread
) -> list[dict[str, Any]]:
    """Return the transfers that the policy would make; `aside` calls in a thread."""
    agents = dict(orchestrator.ledger_keeper.agents)
    known = [pair for pair in pairs if all(_has_charge(agents, board) for board in pair)]
    if not known:
        return []
    now_s = orchestrator.station.clock.now_s()
    try:
        policy = deepcopy(orchestrator.decisions.policy)
        takes_J = orchestrator.ledger_keeper.book.credits.limits_J(agents)
        found: list[dict[str, Any]] = await aside(_asked, policy, known, agents, now_s, takes_J)
    except Exception:  # noqa: BLE001 - anybody's policy; the run itself says what is wrong with it
        return []
    return found


def _has_charge(agents: Mapping[int, BoardAgent], board_id: int) -> bool:
    return board_id in agents and agents[board_id].soc_permille is not None


def _asked(
    policy: Policy,
    pairs: Sequence[Pair],
    agents: Mapping[int, BoardAgent],
    now_s: float,
    takes_J: Mapping[int, float],
) -> list[dict[str, Any]]:
    found = []
    for pair in pairs:
        rng = np.random.default_rng(0)
        decision = decided(policy, Encounter(*pair), agents, now_s, rng, takes_J)
        offer = decision.offer
        if offer is not None:
            shares = [(agents[each].soc_permille or 0) / 10 for each in (offer.ptx, offer.prx)]
            says = f"Board {offer.ptx} has {shares[0]:.0f} %, board {offer.prx} {shares[1]:.0f} %."
            says = f"{says} {decision.reason}"
            energy_J = round(offer.energy_J, 3)
            found.append({"ptx": offer.ptx, "prx": offer.prx, "energy_J": energy_J, "says": says})
    return found
