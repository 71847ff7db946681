# SPDX-License-Identifier: MIT
"""What becomes of a meeting: the policy is asked once, within profiles, credit and floors."""

import itertools
from collections.abc import Sequence

import numpy as np

from crowdcharge.errors import GrantRefused
from crowdcharge.orchestrator.contacts import Meeting, Pair
from crowdcharge.orchestrator.profile_rules import ProfileRules
from crowdcharge.orchestrator.station import Station
from crowdcharge.policy.base import Encounter, Offer, Policy
from crowdcharge.policy.consent import decided, grants_a_wish
from wptcore import ept

_RESOLUTION = 0.002  # share of a capacity: boards tell their charge in permille, less is noise


class Decisions:
    """`policy` may change at any time. `reasons`: by board, why its last meeting came to nothing.

    `rng` is the policy's.
    """

    def __init__(
        self, station: Station, policy: Policy, rules: ProfileRules, rng: np.random.Generator
    ) -> None:
        self.policy = policy
        self.reasons: dict[int, str] = {}
        self._station = station
        self._ledger_keeper = station.ledger_keeper
        self._rules = rules
        self._rng = rng
        self._newest: dict[Pair, int] = {}  # the number of a pair's newest meeting
        self._decided: dict[Pair, int] = {}  # the number of its newest meeting that was decided
        self._count = itertools.count(1)
        self._decided_as: dict[Pair, int] = {}  # how many decisions there were by then
        self._refused_permille: dict[int, int] = {}  # the charge at which a donor refused

    def undecided(self, meetings: Sequence[Meeting]) -> list[Meeting]:
        """Return those of the meetings of now that are not decided yet.

        Wishes that can be met come first, then pairs that were decided longest ago: without that
        order some pairs would never have a slot.
        """
        self._newest.update((meeting.pair, meeting.number) for meeting in meetings)
        return sorted((each for each in meetings if not self._is_decided(each)), key=self._turn)

    def is_open(self, pair: Pair) -> bool:
        """Tell whether the policy has not been asked yet about this pair's newest meeting."""
        return self._decided.get(pair) != self._newest.get(pair, 0)

    def reopen(self, meeting: Meeting) -> None:
        """Let a meeting be decided again."""
        del self._decided[meeting.pair]

    def decide(self, meeting: Meeting) -> Offer | None:
        """Ask the policy for an offer, once both boards have been consulted; None: no transfer."""
        self._decided[meeting.pair] = meeting.number
        self._decided_as[meeting.pair] = next(self._count)
        offer = self._within_bounds(meeting.pair)
        return offer if offer is not None and self._is_feasible(offer) else None

    def refused(self, refusal: GrantRefused) -> None:
        """Remember the charge of a donor that refuses because it is at its floor."""
        if refusal.code == ept.FLOOR:
            self._refused_permille[refusal.board_id] = self._soc_permille(refusal.board_id)

    def is_at_floor(self, board_id: int) -> bool:
        """Tell whether a board refused to give when it had as much charge as now."""
        return self._soc_permille(board_id) <= self._refused_permille.get(board_id, -1)

    def _is_decided(self, meeting: Meeting) -> bool:
        return self._decided.get(meeting.pair) == meeting.number

    def _turn(self, meeting: Meeting) -> tuple[bool, int]:
        wish = grants_a_wish(meeting.pair, self._ledger_keeper.agents)
        return not wish, self._decided_as.get(meeting.pair, 0)

    def _within_bounds(self, pair: Pair) -> Offer | None:
        """Ask the policy, and keep to what the owners and the crowd's credits allow."""
        agents = self._ledger_keeper.agents
        if any(agents[board_id].soc_permille is None for board_id in pair):
            return None
        takes_J = self._ledger_keeper.book.credits.limits_J(pair)
        now_s = self._station.clock.now_s()
        decision = decided(self.policy, Encounter(*pair), agents, now_s, self._rng, takes_J)
        reason = decision.reason if decision.offer is None else ""
        self.reasons.update(dict.fromkeys(pair, reason))
        return decision.offer

    def _is_feasible(self, offer: Offer) -> bool:
        """Tell whether an offer is above noise; policies know nothing of floors and profiles."""
        least_J = _RESOLUTION * self._ledger_keeper.agents[offer.ptx].capacity_J
        return (
            offer.energy_J >= least_J
            and not self.is_at_floor(offer.ptx)
            and self._rules.may_give(offer.ptx, offer.prx)
        )

    def _soc_permille(self, board_id: int) -> int:
        agent = self._ledger_keeper.agents.get(board_id)
        return (agent.soc_permille if agent else None) or 0
