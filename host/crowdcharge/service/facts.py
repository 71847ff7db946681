# SPDX-License-Identifier: MIT
"""What no event of a run says: limits, contacts, who waits and why, what the policy wants next.

It asks the orchestrator and changes nothing. `changes` says what is new since it was asked last.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Any

from crowdcharge.boards import codes
from crowdcharge.boards.constants import BoardState
from crowdcharge.boards.fleet import BoardView
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.kinds import Member
from crowdcharge.ledger.settlement import SETTLED, VOID, TransferRecord
from crowdcharge.orchestrator.contacts import Pair
from crowdcharge.radio.many_radios import ManyRadios
from crowdcharge.report.summary import totals
from crowdcharge.service.actions import Actions
from crowdcharge.service.live import NO_TRANSFER, TRANSFERS_SHOWN
from crowdcharge.service.preview import Aside, wants
from crowdcharge.service.waiting import Situation, waits
from crowdcharge.service.words import fault_shown, policy_says, why_ended

Shown = dict[str, Any]
_TOTALS = ("sent_mJ", "received_mJ", "loss_mJ", "efficiency", "floor_cutoffs", "refusals")
_LIMITS = ("floor_pct", "resume_pct", "capacity_mJ", "power_max_mW", "power_allowed_mW")


class Facts:
    """`unix_s` turns the event loop's time into the unix clock's, always by the same amount."""

    def __init__(
        self,
        actions: Actions,
        unix_s: Callable[[float], float],
        aside: Aside = asyncio.to_thread,
    ) -> None:
        self._actions = actions
        self._orchestrator = actions.orchestrator
        self._unix_s = unix_s
        self._aside = aside
        self._said: dict[Any, Shown] = {}
        self._rows, self._totals = -1, Shown()

    async def changes(self) -> Shown:
        """Return what changed: `run`, `boards`, `totals` and `next`, without what is as it was."""
        touching = await self._touching()
        boards = [
            {"board_id": board_id, **self._new(board_id, self._board(board_id, touching))}
            for board_id in sorted(self._known())
        ]
        found = {
            "run": self._new("run", self._run()),
            "boards": [each for each in boards if len(each) > 1],
            "totals": self._new("totals", self.totals()),
            **self._new("next", {"next": await self._next(touching)}),
        }
        return {name: value for name, value in found.items() if value or name == "next"}

    def _new(self, subject: object, facts: Shown) -> Shown:
        said = self._said.get(subject, {})
        self._said[subject] = facts
        same = {name for name in facts.keys() & said.keys() if facts[name] == said[name]}
        return {name: fact for name, fact in facts.items() if name not in same}

    def _known(self) -> set[int]:
        """Boards with a key, and those that are heard without one."""
        station = self._orchestrator.station
        return {*station.keys, *(view.board_id for view in station.fleet.views())}

    async def _touching(self) -> set[Pair]:
        orchestrator = self._orchestrator
        pairs = await orchestrator.contacts.touching(orchestrator.station.clock.now_s())
        return {(min(pair), max(pair)) for pair in pairs}

    def _run(self) -> Shown:
        policy = policy_says(self._orchestrator.decisions.policy, self._actions.policy_options)
        return {"state": self._orchestrator.state, "policy": policy}

    def _board(self, board_id: int, touching: Collection[Pair]) -> Shown:
        orchestrator = self._orchestrator
        view = orchestrator.station.fleet.view(board_id)
        partners = sorted({each for pair in touching if board_id in pair for each in pair})
        contacts = [each for each in partners if each != board_id]
        faults = sorted(orchestrator.ledger_keeper.book.faults.get(board_id, ()))
        is_lost = view is None or self._is_gone(view)
        facts = {
            "has_key": board_id in orchestrator.station.keys,
            "contacts": contacts,
            "lost": is_lost,
            "forbidden": board_id in orchestrator.jobs.forbidden,
            "faults": [fault_shown(code) for code in faults],
            **self._heard(view),
            **self._limits(board_id),
            **self._meters(board_id),
        }
        situation = Situation(
            has_key=board_id in orchestrator.station.keys,
            is_lost=is_lost,
            is_busy=orchestrator.jobs.is_busy(board_id),
            is_forbidden=board_id in orchestrator.jobs.forbidden,
            has_fault=any(map(codes.is_problem, faults)),
            state=orchestrator.state,
            is_ready=orchestrator.jobs.is_ready(board_id),
            is_at_floor=orchestrator.decisions.is_at_floor(board_id),
            floor_pct=facts.get("floor_pct"),
            resume_pct=facts.get("resume_pct"),
            contacts=contacts,
            decision=orchestrator.decisions.reasons.get(board_id, ""),
        )
        return facts | {"waits": waits(situation)}

    def _is_gone(self, view: BoardView) -> bool:
        now_s = asyncio.get_running_loop().time()
        return view.is_stale(now_s) and not self._orchestrator.station.pool.is_connected(
            view.board_id
        )

    def _heard(self, view: BoardView | None) -> Shown:
        """Return what its newest advert says, or better its link. An advert tells no charge."""
        if view is None:
            return {}
        link = self._orchestrator.station.pool.connected(view.board_id)
        state = view.newest.state if link is None else link.ack.state
        coil_C = view.newest.temperature_C if link is None else link.ack.coil_dC / 10
        return {
            "state": BoardState(state).name,
            "coil_C": coil_C,
            "rssi_dBm": view.rssi_dBm,
            "radio": self._radio(view.address),
            "heard_s": self._unix_s(view.seen_s),
        }

    def _radio(self, address: str) -> str | None:
        """Return the adapter or proxy that has it or hears it best, where there are several."""
        radio = self._orchestrator.station.radio
        return radio.radio_of(address) if isinstance(radio, ManyRadios) else None

    def _limits(self, board_id: int) -> Shown:
        agent = self._orchestrator.ledger_keeper.agents.get(board_id)
        return {name: getattr(agent.limits, name) for name in _LIMITS} if agent else {}

    def _meters(self, board_id: int) -> Shown:
        """Its odometers, by its own word at its last visit."""
        reading = self._orchestrator.ledger_keeper.book.last_reading.get(board_id)
        if reading is None:
            return {}
        return {"sent_mJ": reading.sent_mJ, "received_mJ": reading.received_mJ}

    def totals(self) -> Shown:
        """Return what the ledger adds up to; added up anew only when it has new rows."""
        book = self._orchestrator.ledger_keeper.book
        if self._rows != book.rows:
            self._rows, self._totals = book.rows, totals_shown(book)
        return self._totals

    async def _next(self, touching: Collection[Pair]) -> list[Shown]:
        orchestrator = self._orchestrator
        free = [
            pair
            for pair in sorted(touching)
            if not any(map(orchestrator.jobs.is_busy, pair))
            and orchestrator.jobs.forbidden.isdisjoint(pair)
            and orchestrator.decisions.is_open(pair)
        ]
        return await wants(orchestrator, free, self._aside)


def totals_shown(book: Book) -> Shown:
    """Return the figures of summary.json, with the names of the page."""
    between = [each for each in book.transfers.values() if each.prx and each.state != VOID]
    summed = totals(book)
    return {
        "transfers": len(between),
        "settled": sum(each.state == SETTLED for each in between),
        **{name: summed[name] for name in _TOTALS},
        "imbalance_first": summed["imbalance_before"],
        "imbalance_now": summed["imbalance_after"],
    }


def transfers_shown(book: Book) -> dict[int, Shown]:
    """Return the newest transfers of earlier runs, and all not closed, as `Live` has them."""
    newest = [*book.transfers.values()][-TRANSFERS_SHOWN:]
    chosen = {
        each.transfer_id: each
        for one in [*book.unsettled(), *newest]
        if one.prx
        for each in book.together(one)
    }
    return {
        transfer_id: _earlier(each, book.members.get(transfer_id))
        for transfer_id, each in sorted(chosen.items())
    }


def _earlier(transfer: TransferRecord, member: Member | None) -> Shown:
    """Return a transfer that has no power any more; when it was, its ledger tells no unix time."""
    ends = {
        "ept_ptx": codes.end_name(transfer.ept_ptx),
        "ept_prx": codes.end_name(transfer.ept_prx),
    }
    parties = {"transfer_id": transfer.transfer_id, "ptx": transfer.ptx, "prx": transfer.prx}
    return {
        **NO_TRANSFER,
        **parties,
        **ends,
        "state": transfer.state,
        "energy_max_mJ": transfer.energy_max_mJ,
        "sent_mJ": transfer.sent_mJ,
        "received_mJ": transfer.received_mJ,
        "loss_mJ": transfer.loss_mJ,
        "text": why_ended(parties | ends) if transfer.is_closed else None,
        "group_id": member.group_id if member else None,
        "group_rule": member.rule if member else None,
    }
