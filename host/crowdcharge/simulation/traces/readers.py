# SPDX-License-Identifier: MIT
"""PURE: readers of published contact traces, which turn lines into contacts.

A reader takes every line as its format says, or raises InputError that names the line; blank
lines and lines that begin with # are ignored. The caller opens the file.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from math import isfinite

from crowdcharge.errors import InputError
from crowdcharge.simulation.contacts import Contact, Pair, merged

NODE = re.compile(r"[A-Za-z]*(\d+)")


class Line:
    """The fields of one line, and the error that names it."""

    def __init__(self, name: str, number: int, fields: list[str]) -> None:
        self.name, self.number, self.fields = name, number, fields

    def expect(self, good: bool, text: str) -> None:
        if not good:
            raise InputError(f"{self.name}:{self.number}: {text}")

    def count(self, least: int, most: int, layout: str) -> None:
        self.expect(least <= len(self.fields) <= most, f"expected {layout}")

    def number_at(self, index: int) -> float:
        try:
            value = float(self.fields[index])
        except ValueError:
            value = float("nan")
        self.expect(isfinite(value), f'"{self.fields[index]}" is not a number')
        return value

    def integer_at(self, index: int) -> int:
        value = self.number_at(index)
        self.expect(value == int(value), f'"{self.fields[index]}" is not a whole number')
        return int(value)

    def node_at(self, index: int) -> int:
        match = NODE.fullmatch(self.fields[index])
        self.expect(match is not None, f'"{self.fields[index]}" is not a node number')
        assert match is not None
        return int(match[1])

    def contact(self, start_s: float, end_s: float, a: int, b: int) -> Contact:
        self.expect(a != b, f"node {a} meets itself")
        self.expect(end_s >= start_s, "the contact ends before it begins")
        return Contact(start_s, end_s, a, b)


def lines_of(lines: Iterable[str], name: str, separator: str | None = None) -> Iterator[Line]:
    for number, text in enumerate(lines, 1):
        if text.strip() and not text.lstrip().startswith("#"):
            fields = [field.strip() for field in text.strip().split(separator)]
            yield Line(name, number, fields)


def read_one(lines: Iterable[str], name: str) -> list[Contact]:
    """Read standard events of the ONE simulator: `time CONN node1 node2 up|down`.

    A second `up` of an open pair needs a second `down`. What is still open at the end of the file
    ends with its last event. Message events are refused, because they are no contacts.
    """
    open_: dict[Pair, list[float]] = {}
    contacts, last_s = [], 0.0
    for line in lines_of(lines, name):
        line.count(5, 5, "time CONN node1 node2 up|down")
        line.expect(line.fields[1].upper() == "CONN", f'"{line.fields[1]}" is not CONN')
        at_s, a, b = line.number_at(0), line.node_at(2), line.node_at(3)
        line.expect(at_s >= last_s, "time goes back")
        last_s, pair = at_s, (min(a, b), max(a, b))
        state = line.fields[4].lower()
        line.expect(state in ("up", "down"), f'"{line.fields[4]}" is neither up nor down')
        if state == "up":
            line.expect(a != b, f"node {a} meets itself")
            open_.setdefault(pair, []).append(at_s)
        else:
            line.expect(bool(open_.get(pair)), f"{a} and {b} go down without having been up")
            contacts.append(Contact(open_[pair].pop(), at_s, *pair))
    contacts += [
        Contact(start, last_s, *pair) for pair, starts in open_.items() for start in starts
    ]
    return merged(contacts)


def read_haggle(lines: Iterable[str], name: str) -> list[Contact]:
    """Read iMote contact tables (Haggle, Rollernet): `id1 id2 start end [k [gap]]`, in s."""
    contacts = []
    for line in lines_of(lines, name):
        line.count(4, 6, "id1 id2 start end [k [gap]]")
        a, b = line.node_at(0), line.node_at(1)
        for index in range(4, len(line.fields)):
            line.number_at(index)
        contacts.append(line.contact(line.number_at(2), line.number_at(3), a, b))
    return merged(contacts)


SOCIOPATTERNS_STEP_s = 20.0


def read_sociopatterns(lines: Iterable[str], name: str) -> list[Contact]:
    """Read SocioPatterns: `t i j [Ci Cj]`, where i and j faced each other in the 20 s up to t."""
    contacts = []
    for line in lines_of(lines, name):
        line.expect(len(line.fields) in (3, 5), "expected t i j, or t i j Ci Cj")
        at_s, a, b = line.number_at(0), line.node_at(1), line.node_at(2)
        contacts.append(line.contact(at_s - SOCIOPATTERNS_STEP_s, at_s, a, b))
    return merged(contacts)


COPENHAGEN_STEP_s = 300.0


def read_copenhagen(
    lines: Iterable[str], name: str, rssi_least_dBm: float = -80.0
) -> list[Contact]:
    """Read the Copenhagen Networks Study's bt_symmetric.csv: `timestamp,user_a,user_b,rssi`.

    Scans are 5 minutes apart; a sighting stands for the 5 minutes from it on. The format's own
    marks for an empty scan (user_b -1, rssi 0) and an outsider (-2) are dropped, and so are
    sightings weaker than `rssi_least_dBm`.
    """
    contacts = []
    for line in lines_of(lines, name, ","):
        line.count(4, 4, "timestamp,user_a,user_b,rssi")
        at_s, rssi_dBm = line.number_at(0), line.number_at(3)
        a, b = line.integer_at(1), line.integer_at(2)
        line.expect(a >= 0, f"user_a is {a}")
        line.expect(b >= -2, f"user_b is {b}")
        if b >= 0:
            contact = line.contact(at_s, at_s + COPENHAGEN_STEP_s, a, b)
            if rssi_dBm >= rssi_least_dBm:
                contacts.append(contact)
    return merged(contacts)


FORMATS: dict[str, Callable[[Iterable[str], str], list[Contact]]] = {
    "one": read_one,
    "haggle": read_haggle,
    "sociopatterns": read_sociopatterns,
    "copenhagen": read_copenhagen,
}
