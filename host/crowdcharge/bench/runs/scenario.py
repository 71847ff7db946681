# SPDX-License-Identifier: MIT
"""A scenario as a virtual bench: its boards and its link; refuses what a bench cannot do."""

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np

from crowdcharge.bench.config import BenchConfig, BoardConfig
from crowdcharge.bench.physics.coil import CoilLink
from crowdcharge.errors import InputError
from crowdcharge.simulation.contact_stream import contacts_of
from crowdcharge.simulation.contacts import Contact
from crowdcharge.simulation.link import LinkModel
from crowdcharge.simulation.run import start_of
from crowdcharge.simulation.scenario import BoardSpec, Scenario

BOARDS_MAX = 8
POWER_MAX_W = 10.0  # the cell's 3 A at 3.4 V
_SPEED_MAX = 10.0
_BOARD_SPEED = 24.0  # boards x speed that two cores bear
_LINK_KEYS = frozenset(CoilLink.__dataclass_fields__)


def coil_of(link: LinkModel) -> CoilLink:
    """Return the bench's loss curve, scaled to pass through the scenario's power and efficiency.

    `link.power_W` leaves the transmitter; the coil's is what the receiver draws. Constant, linear
    and quadratic loss keep the shares that they have in the bench's own curve at full power.
    """
    usual = CoilLink()
    usual_loss_W = usual.sent_W(usual.power_W, 1.0) - usual.power_W
    received_W = link.efficiency * link.power_W
    loss_W = link.power_W - received_W
    fixed = usual.fixed_W / usual_loss_W
    quadratic = usual.quadratic_per_W * usual.power_W**2 / usual_loss_W
    return CoilLink(
        power_W=received_W,
        fixed_W=fixed * loss_W,
        linear=1 + (1 - fixed - quadratic) * loss_W / received_W,
        quadratic_per_W=quadratic * loss_W / received_W**2,
    )


def bench_of(scenario: Scenario, link: LinkModel) -> BenchConfig:
    """Make the bench; InputError says in one line what of the scenario a bench cannot do."""
    check_boards(scenario)
    if not link.power_W <= POWER_MAX_W:
        raise InputError(
            f"{scenario.name}: link.power_W must be there and at most {POWER_MAX_W:g} on boards"
        )
    if scenario.habit.power_W:
        raise InputError(f"{scenario.name}: boards of a bench have no cords; leave out [cord]")
    keys = np.random.default_rng([scenario.seed, 3])
    boards = tuple(
        BoardConfig(
            spec.id,
            spec.soc_pct,
            spec.capacity_J,
            idle_W=spec.load_W,
            ambient_C=scenario.cell_C,
            profile=spec.profile,
            key=keys.bytes(32).hex(),
        )
        for spec in scenario.boards
    )
    table = scenario.bench
    table.only({"speed", "link", "missed"})
    usual = min(_BOARD_SPEED / len(boards), _SPEED_MAX)
    coil, changes = coil_of(link), table.table("link")
    changes.only(_LINK_KEYS)
    values = {key: changes.number(key, getattr(coil, key), 0) for key in _LINK_KEYS}
    return BenchConfig(
        boards,
        link=CoilLink(**values),
        speed=table.number("speed", usual, 0.1, _SPEED_MAX),
        seed=scenario.seed,
    )


def check_boards(scenario: Scenario) -> None:
    name = scenario.name
    if scenario.crowd is not None:
        raise InputError(f"{name}: a bench needs [[boards]], not a [crowd]")
    if not 2 <= len(scenario.boards) <= BOARDS_MAX:
        count = len(scenario.boards)
        raise InputError(f"{name}: a bench runs 2 to {BOARDS_MAX} boards, not {count}")
    for spec in scenario.boards:
        if why := unfit(spec):
            raise InputError(f"{name}: board {spec.id}: {why}")


def unfit(spec: BoardSpec) -> str:
    """Why a bench cannot have this board, or an empty string."""
    reasons = {
        "a board's id begins at 1 (0 is nobody)": spec.id < 1,
        "arrives_s, leaves_s and cords are the simulator's alone": bool(
            spec.arrives_s or spec.leaves_s < inf or spec.cords
        ),
        "capacity_J must be 1 to 1000000 on a bench": not 1 <= spec.capacity_J <= 1e6,
        "load_W must be at most 5 on a bench": spec.load_W > 5,
    }
    return next((why for why, holds in reasons.items() if holds), "")


def contacts_on_bench(
    scenario: Scenario, trace: list[Contact] | None
) -> tuple[list[Contact], float]:
    """Return the simulator's contacts and the end in s; refuse two at once for a board."""
    ids = start_of(scenario, scenario.seed, trace).ids
    stream, end_s = contacts_of(scenario, scenario.seed, ids, trace)
    contacts = [contact for contact in stream if contact.start_s < end_s]
    until_s: dict[int, float] = {}
    for contact in contacts:
        for board_id in (contact.a, contact.b):
            if board_id not in ids:
                raise InputError(f"a contact names board {board_id}, which is not there")
            if until_s.get(board_id, 0.0) > contact.start_s:
                raise InputError(
                    f"{scenario.name}: at {contact.start_s:g} s board {board_id} meets two at"
                    " once; on a bench it lies on one other at most"
                )
            until_s[board_id] = contact.end_s
    return contacts, end_s


def missed_of(scenario: Scenario, contacts: Sequence[Contact]) -> set[Contact]:
    """Return the contacts that do not take place on the bench though everybody expects them.

    `missed = [[1, 2, 40]]` is the contact of boards 1 and 2 that lasts at 40 s.
    """
    rows = scenario.bench.raw("missed", [])
    missed = [missed_contact(row, contacts) for row in rows] if isinstance(rows, list) else [None]
    if None in missed:
        raise scenario.bench.fail("missed", "must be [[board, board, s], ...] of contacts")
    return {contact for contact in missed if contact}


def missed_contact(row: Any, contacts: Sequence[Contact]) -> Contact | None:
    good = isinstance(row, list) and len(row) == 3
    if not good or not all(type(value) in (int, float) for value in row):
        return None
    a, b, time_s = row
    for contact in contacts:
        if {contact.a, contact.b} == {a, b} and contact.start_s <= time_s < contact.end_s:
            return contact
    return None
