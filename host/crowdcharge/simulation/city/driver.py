# SPDX-License-Identifier: MIT
"""PURE: run the compiled world over boards and a stream of contacts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from crowdcharge.policy import Policy
from crowdcharge.profiles.rules import BoardRules
from crowdcharge.simulation.board_rows import BoardRows, TransferRows
from crowdcharge.simulation.city import world_kernels as kernels
from crowdcharge.simulation.city.minds import Asking, weights_of
from crowdcharge.simulation.city.queue_kernels import queue_of
from crowdcharge.simulation.city.rows import (
    BOARD,
    DEAL,
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
from crowdcharge.simulation.contacts import CONTACT
from crowdcharge.simulation.link import LinkModel
from crowdcharge.simulation.world import CordHabit, Order

COIL_C = 25.0  # as SimulatedBoard has it; heat is not modelled
NO_CONTACTS = np.zeros(0, CONTACT)


@dataclass(frozen=True, slots=True)
class CitySetting:
    """What a run has besides its boards and contacts; `rules` are those of boards with some."""

    policy: Policy
    rng: np.random.Generator
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

    def __init__(self, boards: BoardRows, contacts: Iterator[Rows], setting: CitySetting) -> None:
        self._start, self._contacts = boards, contacts
        self._part, self._more = NO_CONTACTS, True
        self._city = with_room(city_of(boards, setting), 1024)
        self._asking = Asking(setting.policy, boards.ids, self._city, setting.rng)
        kernels.prepare(self._city)

    def run_to(self, until_s: float) -> None:
        """Handle all events up to and at `until_s`, and bring every board to that time."""
        while True:
            came = kernels.run_to(self._city, self._asking.mind, self._part, self._more, until_s)
            if came == kernels.REACHED:
                return
            if came == kernels.NEEDS_ROOM:
                self._city = with_room(self._city, 2 * len(self._city.meetings))
            elif came == kernels.NEEDS_CONTACTS:
                part = next(self._contacts, None)
                self._part, self._more = NO_CONTACTS if part is None else part, part is not None
                self._city.state["contact"] = 0
            else:
                self._asking.serve(self._city, came)

    def finish(self) -> None:
        """End the transfers that still run, at the instant that the run has come to."""
        kernels.finish(self._city)
        self._asking.remember()

    @property
    def all_boards(self) -> BoardRows:
        return BoardRows(self._city.boards, self._start.ids, self._start.cords)

    @property
    def transfers(self) -> TransferRows:
        """Return the transfers by their start; of very many, every second, fourth and so on."""
        state = self._city.state[0]
        log = self._city.log[: state["logged"]]
        return TransferRows(
            log[np.argsort(log["number"])], self.all_boards, REASONS, state["started"]
        )


def city_of(start: BoardRows, setting: CitySetting) -> City:
    """Lay out the arrays, yet without room for contacts."""
    n, link, habit = len(start), setting.link, setting.habit
    boards = np.zeros(n, BOARD)
    for name in ("energy_J", "capacity_J", "load_W", "arrives_s", "leaves_s"):
        boards[name] = start.rows[name]
    boards["present"] = boards["arrives_s"] <= 0
    boards["deal"] = boards["waiting"] = -1
    boards["coil_C"] = COIL_C
    boards["weight"] = weights_of(setting.policy, start.ids, boards["capacity_J"])
    kinds, numbers = kinds_of(setting.rules, start.ids)
    boards["kind"] = numbers
    floors = np.array([max(setting.floor_pct / 100, kind.floor_pct / 100) for kind in kinds])
    boards["floor_J"] = floors[boards["kind"]] * boards["capacity_J"]
    boards["gives_on_cable"] = np.array([k.gives_on_cable for k in kinds])[boards["kind"]]
    for b, mine in start.cords.items():
        boards[b]["cords"] = len(mine)
    state = np.zeros(1, STATE)
    state["every"] = 1
    for name, value in {
        "power_W": link.power_W, "efficiency": link.efficiency, "start_J": link.start_J,
        "end_s": setting.end_s, "cord_W": habit.power_W, "below_pct": habit.below_pct,
        "until_pct": habit.until_pct,
    }.items():  # fmt: skip
        state[name] = value
    queue = queue_of(2 * n)
    queue.slots["tie"] = np.arange(2 * n) % n
    queue.slots["order"][:n] = Order.LEVEL_REACHED
    return City(
        state=state,
        boards=boards,
        deals=np.zeros(n, DEAL),
        planned=planned(boards, start.cords),
        power_W=np.array([[ptx.power_W(prx, link.power_W) for prx in kinds] for ptx in kinds]),
        log=np.zeros(LOG_MAX, LOGGED),
        queue=queue,
        meetings=np.zeros(0, MEETING),
    )


def kinds_of(
    rules: Mapping[int, BoardRules], ids: Sequence[int]
) -> tuple[list[BoardRules], list[int]]:
    """Return the different rules that there are, and for each board which of them it has."""
    kinds: dict[tuple[str, ...], int] = {(): 0}
    numbers = []
    found = [BoardRules()]
    for each in ids:
        mine = rules.get(each, found[0])
        names = tuple(profile.name for profile in mine.profiles)
        if names not in kinds:
            kinds[names] = len(found)
            found.append(mine)
        numbers.append(kinds[names])
    return found, numbers


def planned(boards: Rows, cords: Mapping[int, Sequence[tuple[float, float]]]) -> Rows:
    """List when boards come, go, and are plugged in by the scenario, in the order of events."""
    events = [
        (float(boards["leaves_s"][b]), Order.LEFT, b, 0)
        for b in np.flatnonzero(boards["leaves_s"] < inf).tolist()
    ]
    for b in np.flatnonzero(boards["present"] == 0).tolist():
        arrives_s = float(boards["arrives_s"][b])
        in_cord = any(from_s <= arrives_s < to_s for from_s, to_s in cords.get(b, ()))
        events.append((arrives_s, Order.ARRIVED, b, int(in_cord)))
    for b, mine in cords.items():
        for from_s, to_s in mine:
            events += [(from_s, Order.PLUGGED, b, 0), (to_s, Order.UNPLUGGED, b, 0)]
    return np.array(sorted(events), PLANNED)
