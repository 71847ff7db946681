# SPDX-License-Identifier: MIT
"""PURE: what a trace holds once it is read: contacts between numbered nodes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from crowdcharge.errors import InputError
from crowdcharge.simulation.contacts import Contact, merged
from crowdcharge.simulation.traces.rows import TextRow, shown

NODES_MAX = 1_000_000
CONTACTS_MAX = 6_000_000
NAME_LENGTH_MAX = 200
NUMBER_LENGTH_MAX = 18  # digits of a name that is a number
EPOCH_LEAST_s, EPOCH_MOST_s = 1e8, 1e10  # later times than these bounds are shown as dates, too

_NUMBERED = re.compile(rf"[A-Za-z]*([0-9]{{1,{NUMBER_LENGTH_MAX}}})(\.0+)?")


@dataclass(frozen=True, slots=True)
class TraceSighting:
    """Two nodes by the names that they have in the file, near each other from start to end."""

    start_s: float
    end_s: float
    a: str
    b: str


@dataclass(frozen=True, slots=True)
class Trace:
    """Contacts sorted by start; `names` says what the file calls a node, if not by its number."""

    name: str
    contacts: list[Contact]
    names: dict[int, str]

    @property
    def nodes(self) -> list[int]:
        return sorted({node for contact in self.contacts for node in (contact.a, contact.b)})

    @property
    def first_s(self) -> float:
        return self.contacts[0].start_s

    @property
    def last_s(self) -> float:
        return max(contact.end_s for contact in self.contacts)

    def described(self) -> str:
        """Say in one line what was read, so that a wrong unit or column shows."""
        lasts_s = sum(contact.end_s - contact.start_s for contact in self.contacts)
        return (
            f"{self.name}: {len(self.nodes)} nodes, {len(self.contacts)} contacts of"
            f" {duration(lasts_s / len(self.contacts))} on average, over"
            f" {duration(self.last_s - self.first_s)}"
            f" (from {moment(self.first_s)} to {moment(self.last_s)})"
        )

    def document(self) -> dict[str, object]:
        return {
            "file": self.name,
            "nodes": len(self.nodes),
            "contacts": len(self.contacts),
            "first_s": self.first_s,
            "last_s": self.last_s,
            "names": {str(node): name for node, name in self.names.items()},
        }


def sighting(row: TextRow, start_s: float, end_s: float, a: str, b: str) -> TraceSighting:
    """Make a sighting; InputError names the row if it cannot be one."""
    row.expect(a != b, f"node {shown(a)} meets itself")
    row.expect(end_s >= start_s, "the contact ends before it begins")
    return TraceSighting(start_s, end_s, a, b)


def node_at(row: TextRow, index: int) -> str:
    name = row.text_at(index)
    row.expect(0 < len(name) <= NAME_LENGTH_MAX, f'"{shown(name)}" is not the name of a node')
    found = _NUMBERED.fullmatch(name)
    return name.partition(".")[0] if found and found[2] else name


def trace_of(name: str, sightings: Iterable[TraceSighting]) -> Trace:
    """Give each node a number and join what touches; different numbers are kept as they are."""
    kept: list[TraceSighting] = []
    for each in sightings:
        kept.append(each)
        if len(kept) > CONTACTS_MAX:
            raise InputError(f"{name}: more than {CONTACTS_MAX} contacts")
    names = sorted({node for each in kept for node in (each.a, each.b)})
    if len(names) > NODES_MAX:
        raise InputError(f"{name}: more than {NODES_MAX} nodes")
    numbers = numbers_of(names)
    contacts = merged(
        Contact(each.start_s, each.end_s, numbers[each.a], numbers[each.b]) for each in kept
    )
    strangers = {
        number: each for each, number in numbers.items() if not each.endswith(str(number))
    }
    return Trace(name, contacts, strangers)


def numbers_of(names: list[str]) -> dict[str, int]:
    """Take the numbers in the names if they tell all nodes apart, or else count from 0."""
    found = [_NUMBERED.fullmatch(name) for name in names]
    numbers = [int(match[1]) for match in found if match]
    if len(set(numbers)) == len(names):
        return dict(zip(names, numbers, strict=True))
    return {name: number for number, name in enumerate(names)}


def duration(time_s: float) -> str:
    for unit, size_s in (("days", 86_400.0), ("h", 3600.0)):
        if time_s >= 2 * size_s:
            return f"{time_s:.9g} s ({time_s / size_s:.3g} {unit})"
    return f"{time_s:.9g} s"


def moment(time_s: float) -> str:
    if not EPOCH_LEAST_s <= time_s < EPOCH_MOST_s:
        return f"{time_s:.9g} s"
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
