# SPDX-License-Identifier: MIT
"""PURE: run the compiled world over boards and a stream of contacts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from crowdcharge.simulation.board_rows import BoardRows, TransferRows
from crowdcharge.simulation.city import world_kernels as kernels
from crowdcharge.simulation.city.policy_kernels import AVERAGE, NOTHING, SHARE, SMALL
from crowdcharge.simulation.city.queue_kernels import queue_of
from crowdcharge.simulation.city.rows import (
    BOARD,
    CORD,
    DEAL,
    FACTS,
    LOG_MAX,
    LOGGED,
    MEETING,
    PLANNED,
    REASONS,
    STATE,
    City,
    Rows,
    with_room,
)
from crowdcharge.simulation.compiling import CompiledRule
from crowdcharge.simulation.contacts import CONTACT
from crowdcharge.simulation.link import LinkModel
from crowdcharge.simulation.no_exchange import NoExchange
from crowdcharge.simulation.rules import BoardRules
from crowdcharge.simulation.world import CordHabit, Order

RULES = {
    NoExchange.name: NOTHING, "oblivious-share": SHARE, "small-transfer": SMALL,
    "online-average": AVERAGE,
}  # fmt: skip
NO_CONTACTS = np.zeros(0, CONTACT)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run has besides its boards and contacts; `rules` are those of boards with some."""

    rule: CompiledRule
    link: LinkModel
    floor_pct: float
    habit: CordHabit
    end_s: float
    rules: Mapping[int, BoardRules]


class CompiledWorld:
    """`world.World` compiled: the same events in the same order, rounded alike.

    `boards` are those of the start. `contacts` yields parts of one stream that is sorted by
    start; a contact names two boards by their positions.
    """

    def __init__(self, boards: BoardRows, contacts: Iterator[Rows], setting: Setting) -> None:
        self._start, self._contacts = boards, contacts
        self._part, self._more = NO_CONTACTS, True
        self._city = with_room(city_of(boards, setting), 1024)
        kernels.prepare(self._city)

    def run_to(self, until_s: float) -> None:
        """Handle all events up to and at `until_s`, and bring every board to that time."""
        while True:
            came = kernels.run_to(self._city, self._part, self._more, until_s)
            if came == kernels.REACHED:
                return
            if came == kernels.NEEDS_ROOM:
                self._city = with_room(self._city, 2 * len(self._city.meetings))
            else:
                part = next(self._contacts, None)
                self._part, self._more = NO_CONTACTS if part is None else part, part is not None
                self._city.state["contact"] = 0

    def finish(self) -> None:
        """End the transfers that still run, at the instant that the run has come to."""
        kernels.finish(self._city)

    @property
    def all_boards(self) -> BoardRows:
        return BoardRows(self._city.boards, self._start.ids, self._start.cords)

    @property
    def transfers(self) -> TransferRows:
        """Return the transfers by their start; of very many, every second, fourth and so on."""
        state = self._city.state[0]
        log = self._city.log[: state["logged"]]
        return TransferRows(log[np.argsort(log["number"])], self.all_boards, REASONS, state["started"])


def city_of(start: BoardRows, setting: Setting) -> City:
    """Lay out the arrays, yet without room for contacts."""
    n, link, habit = len(start), setting.link, setting.habit
    boards = np.zeros(n, BOARD)
    for name in ("energy_J", "capacity_J", "load_W", "arrives_s", "leaves_s"):
        boards[name] = start.rows[name]
    boards["present"] = boards["arrives_s"] <= 0
    boards["deal"] = boards["waiting"] = -1
    boards["weight"] = setting.rule.weights(start.ids, boards["capacity_J"])
    rules = [setting.rules.get(each, BoardRules()) for each in start.ids] if setting.rules else []
    kinds = list(dict.fromkeys(rules)) or [BoardRules()]
    floors = np.array([max(setting.floor_pct / 100, kind.floor_pct / 100) for kind in kinds])
    if rules:
        boards["kind"] = [kinds.index(each) for each in rules]
    boards["floor_J"] = floors[boards["kind"]] * boards["capacity_J"]
    boards["gives_on_cable"] = np.array([k.gives_on_cable for k in kinds])[boards["kind"]]
    spans: list[tuple[float, float]] = []
    for b, mine in start.cords.items():
        boards[b]["first_cord"], boards[b]["cords"] = len(spans), len(mine)
        spans += mine
    facts = np.zeros(1, FACTS)
    facts[0] = (
        link.power_W, link.efficiency, link.start_J, setting.end_s, habit.power_W,
        habit.below_pct, habit.until_pct, setting.rule.quantum_J, RULES[setting.rule.name],
    )  # fmt: skip
    state = np.zeros(1, STATE)
    state["every"] = 1
    queue = queue_of(2 * n)
    queue.tie[:] = np.arange(2 * n) % n
    none = np.zeros(0, np.int32)
    return City(
        facts=facts,
        state=state,
        boards=boards,
        deals=np.zeros(n, DEAL),
        cords=np.array(spans, CORD),
        planned=planned(boards, start.cords),
        may_give=np.array([[ptx.may_give_to(prx) for prx in kinds] for ptx in kinds]),
        ready=np.zeros(n, np.int32),
        log=np.zeros(LOG_MAX, LOGGED),
        queue=queue,
        meetings=np.zeros(0, MEETING),
        free=none,
        chosen=none,
        waits_next=none,
        waits_before=none,
    )


def planned(boards: Rows, cords: Mapping[int, Sequence[tuple[float, float]]]) -> Rows:
    """List when boards come, go, and are plugged in by the scenario, in the order of events."""
    events: list[tuple[float, int, int]] = [
        (float(boards["leaves_s"][b]), Order.LEFT, b)
        for b in np.flatnonzero(boards["leaves_s"] < inf)
    ]
    events += [
        (float(boards["arrives_s"][b]), Order.ARRIVED, b)
        for b in np.flatnonzero(boards["present"] == 0)
    ]
    for b, mine in cords.items():
        for from_s, to_s in mine:
            events += [(from_s, Order.PLUGGED, b), (to_s, Order.UNPLUGGED, b)]
    return np.array(sorted(events), PLANNED)
