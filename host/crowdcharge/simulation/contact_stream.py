# SPDX-License-Identifier: MIT
"""PURE: the contacts of a scenario in the order in which they begin."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdcharge.simulation.contacts import (
    CONTACT,
    Contact,
    from_slots,
    random_meetings,
    unknown_board,
)
from crowdcharge.simulation.mobility import RandomWaypoint
from crowdcharge.simulation.scenario import Scenario
from crowdcharge.simulation.scenario_contacts import (
    Generated,
    Intervals,
    Meetings,
    Slots,
    TraceFile,
)
from crowdcharge.simulation.traces.bus_trace import bus_trace
from crowdcharge.simulation.traces.random_trace import random_trace

PART = 1 << 16  # contacts


def contacts_of(
    scenario: Scenario, seed: int, ids: Sequence[int], trace: list[Contact] | None
) -> tuple[Iterator[Contact], float]:
    """Return the contacts in order, and the time at which the run ends."""
    spec, end_s = scenario.contacts, scenario.duration_s
    if isinstance(spec, Meetings):
        half = len(ids) // 2
        starts = spec.count if spec.scheduler == "pairs" else -(-spec.count // half)
        stream = random_meetings(
            ids, spec.count, spec.every_s, spec.lasts_s, seed, spec.scheduler == "matching"
        )
        last_s = (starts - 1) * spec.every_s + spec.lasts_s if starts else 0.0
        return stream, end_s if end_s is not None else last_s
    if isinstance(spec, Slots):
        assert end_s is not None
        return from_slots(spec.cycle, spec.slot_s, end_s), end_s
    if isinstance(spec, RandomWaypoint):
        assert end_s is not None
        return spec.contacts(len(ids), end_s, seed), end_s
    contacts = sorted(listed_contacts(scenario, seed, ids, trace))
    if end_s is None:
        end_s = max((contact.end_s for contact in contacts), default=0.0)
    return iter(contacts), end_s


def listed_contacts(
    scenario: Scenario, seed: int, ids: Sequence[int], trace: list[Contact] | None
) -> Iterable[Contact]:
    spec, rng = scenario.contacts, np.random.default_rng([seed, 1])
    if isinstance(spec, Intervals):
        return [Contact(start_s, end_s, a, b) for a, b, start_s, end_s in spec.contacts]
    if isinstance(spec, TraceFile):
        first_s = min(contact.start_s for contact in trace or [Contact(0, 0, 0, 0)])
        return [
            Contact(each.start_s - first_s, each.end_s - first_s, each.a, each.b)
            for each in trace or []
        ]
    assert isinstance(spec, Generated)
    assert scenario.duration_s is not None
    return from_slots(generated_cycle(spec, len(ids), rng), spec.slot_s, scenario.duration_s)


def generated_cycle(
    spec: Generated, n: int, rng: np.random.Generator
) -> list[list[tuple[int, int]]]:
    """Draw the slots of a cycle by the planner's generators, which count slots from 1."""
    if spec.kind == "bus":
        contacts, length = bus_trace(n, int(spec.density), rng), 300
    else:
        contacts, length = random_trace(n, rng, contacts_per_agent=spec.density), 50
    cycle: list[list[tuple[int, int]]] = [[] for _ in range(length)]
    for a, b, slot in contacts.tolist():
        cycle[slot - 1].append((a, b))
    return cycle


def in_parts(contacts: Iterator[Contact], ids: Sequence[int]) -> Iterator[NDArray[Any]]:
    """Yield the contacts as rows (start_s, end_s, a, b), with boards by position, part by part.

    InputError if a contact names a board that is not there.
    """
    position = {each: k for k, each in enumerate(ids)}
    while part := list(islice(contacts, PART)):
        for contact in part:
            for board_id in (contact.a, contact.b):
                if board_id not in position:
                    raise unknown_board(board_id)
        yield np.array([(c.start_s, c.end_s, position[c.a], position[c.b]) for c in part], CONTACT)
