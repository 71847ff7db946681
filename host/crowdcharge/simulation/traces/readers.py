# SPDX-License-Identifier: MIT
"""PURE: readers of contact traces. FORMATS at the end is the table of all of them.

A reader takes every line as its format says, or raises InputError that names the line. The caller
opens the file.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from crowdcharge.errors import InputError
from crowdcharge.simulation.contacts import Contact
from crowdcharge.simulation.traces.edges import read_edges, read_konect
from crowdcharge.simulation.traces.gtfs import read_gtfs
from crowdcharge.simulation.traces.movement import read_movement
from crowdcharge.simulation.traces.options import AS_PUBLISHED, TraceOptions
from crowdcharge.simulation.traces.rows import TextRow, is_row, lines_of, positions, rows_of, shown
from crowdcharge.simulation.traces.trace import Trace, TraceSighting, node_at, sighting, trace_of

MARKS = {"{": "JSON", "[": "JSON", "<": "XML or HTML"}
GUESS_LINES = 50  # at the top of a file, to say which other format it may have
SOCIOPATTERNS_STEP_s = 20.0
COPENHAGEN_STEP_s = 300.0

ONE_LAYOUT = "time CONN node1 node2 up|down [interface]"
HAGGLE_LAYOUT = "id1 id2 start end [k [gap]]"
COPENHAGEN_COLUMNS = ("timestamp", "user_a", "user_b", "rssi")


def in_order(rows: Iterable[TextRow], columns: Sequence[str]) -> Iterator[TextRow]:
    """Leave out a header; if it names all the columns, bring every row into their order."""
    order: list[int] = []
    for number, row in enumerate(rows):
        if number == 0 and row.is_header and len(row.fields) >= len(columns):
            names = {field.lower() for field in row.fields}
            order = positions(row, columns) if names >= set(columns) else []
        elif order:
            yield TextRow(row.name, row.number, [row.text_at(index) for index in order])
        else:
            yield row


def read_one(lines: Iterable[str], name: str, options: TraceOptions) -> Iterator[TraceSighting]:
    """Read standard events of the ONE simulator: `time CONN node1 node2 up|down [interface]`.

    A second `up` of an open pair, on another interface or the same, needs a second `down`. What
    is still open at the end of the file ends with its last event. Message events are refused,
    because they are no contacts. A node is the number in its name, as in the ONE.
    """
    open_: dict[tuple[str, ...], list[float]] = {}
    last_s, row = float("-inf"), None
    for row in rows_of(lines, name, 5):
        row.expect(4 < len(row.fields) < 7, f"expected {ONE_LAYOUT}")
        row.expect(row.fields[1].upper() == "CONN", f'"{shown(row.fields[1])}" is not CONN')
        at_s, a, b = row.number_at(0) * options.unit_s, one_node(row, 2), one_node(row, 3)
        row.expect(at_s >= last_s, "time goes back")
        pair = (*sorted((a, b)), *row.fields[5:])
        last_s, state = at_s, row.fields[4].lower()
        row.expect(state in ("up", "down"), f'"{shown(row.fields[4])}" is neither up nor down')
        row.expect(a != b, f"node {a} meets itself")
        if state == "up":
            open_.setdefault(pair, []).append(at_s)
        else:
            row.expect(bool(open_.get(pair)), f"{a} and {b} go down without having been up")
            yield TraceSighting(open_[pair].pop(), at_s, *pair[:2])
    for pair, starts in open_.items():
        for start_s in starts:
            yield TraceSighting(start_s, last_s, *pair[:2])


def one_node(row: TextRow, index: int) -> str:
    name = node_at(row, index)
    digits = name.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    row.expect(digits.isascii() and digits.isdigit(), f'"{shown(name)}" is not a node number')
    return digits.lstrip("0") or "0"


def read_haggle(lines: Iterable[str], name: str, options: TraceOptions) -> Iterator[TraceSighting]:
    """Read iMote contact tables (Haggle, Rollernet): `id1 id2 start end [k [gap]]`, in s."""
    for row in in_order(rows_of(lines, name, 4), ("id1", "id2", "start", "end")):
        row.expect(3 < len(row.fields) < 7, f"expected {HAGGLE_LAYOUT}")
        a, b = node_at(row, 0), node_at(row, 1)
        numbers = [row.number_at(index) for index in range(2, len(row.fields))]
        yield sighting(row, numbers[0] * options.unit_s, numbers[1] * options.unit_s, a, b)


def read_sociopatterns(
    lines: Iterable[str], name: str, options: TraceOptions
) -> Iterator[TraceSighting]:
    """Read SocioPatterns: `t i j [Ci Cj]`, where i and j faced each other in the 20 s up to t."""
    for row in in_order(rows_of(lines, name, 3), ("t", "i", "j")):
        row.expect(len(row.fields) in (3, 5), "expected t i j, or t i j Ci Cj")
        at_s = row.number_at(0) * options.unit_s
        yield sighting(row, at_s - SOCIOPATTERNS_STEP_s, at_s, node_at(row, 1), node_at(row, 2))


def copenhagen_sightings(
    lines: Iterable[str], name: str, options: TraceOptions
) -> Iterator[TraceSighting]:
    """Read the Copenhagen Networks Study's bt_symmetric.csv: `timestamp,user_a,user_b,rssi`.

    Scans are 5 minutes apart; a sighting stands for the 5 minutes from it on. The format's own
    marks for an empty scan (user_b -1, rssi 0) and an outsider (-2) are dropped, and so are
    sightings weaker than `options.rssi_least_dBm`.
    """
    for row in in_order(rows_of(lines, name, 4), COPENHAGEN_COLUMNS):
        row.expect(len(row.fields) == 4, f"expected {','.join(COPENHAGEN_COLUMNS)}")
        at_s, rssi_dBm = row.number_at(0) * options.unit_s, row.number_at(3)
        a, b = row.integer_at(1), row.integer_at(2)
        row.expect(a >= 0, f"user_a is {a}")
        row.expect(b >= -2, f"user_b is {b}")
        if b >= 0:
            seen = sighting(row, at_s, at_s + COPENHAGEN_STEP_s, str(a), str(b))
            if rssi_dBm >= options.rssi_least_dBm:
                yield seen


@dataclass(frozen=True, slots=True)
class Format:
    """A layout that can be read; `keys` are the keys of [contacts] that it knows."""

    sightings: Callable[[Iterable[str], str, TraceOptions], Iterable[TraceSighting]]
    keys: frozenset[str] = frozenset({"unit"})

    def __call__(
        self, lines: Iterable[str], name: str, options: TraceOptions = AS_PUBLISHED
    ) -> list[Contact]:
        return trace_of(name, self.sightings(lines, name, options)).contacts


FORMATS: dict[str, Format] = {
    "one": Format(read_one),
    "one-movement": Format(read_movement, frozenset({"unit", "range_m"})),
    "haggle": Format(read_haggle),
    "sociopatterns": Format(read_sociopatterns),
    "copenhagen": Format(copenhagen_sightings, frozenset({"unit", "rssi_least_dBm"})),
    "edges": Format(read_edges, frozenset({"unit", "columns", "lasts_s"})),
    "konect": Format(read_konect, frozenset({"unit", "lasts_s"})),
    "gtfs": Format(read_gtfs, frozenset()),
}


def read_trace(text: str, name: str, kind: str, options: TraceOptions) -> Trace:
    """Read a whole trace; InputError names the line, and the format that it rather looks like."""
    lines = lines_of(text)
    try:
        trace = trace_of(name, FORMATS[kind].sightings(lines, name, options))
    except InputError as error:
        hint = hint_of(lines[:GUESS_LINES], kind, options)
        raise InputError(f"{error}{hint}") from None
    if not trace.contacts:
        raise InputError(f"{name}: no contacts")
    return trace


def hint_of(lines: list[str], kind: str, options: TraceOptions) -> str:
    """Say what a file looks like whose first row already is not of the format asked for."""
    start = next((k for k, line in enumerate(lines) if is_row(line)), 0)
    if fits(lines[: start + 1], kind, options):
        return ""
    mark = "".join(lines[start : start + 1]).lstrip("\ufeff \t")[:1]
    if mark in MARKS:
        return f"; this looks like {MARKS[mark]}"
    others = [each for each in FORMATS if each != kind and fits(lines, each, options.guess)]
    return f'; this looks like format = "{others[0]}"' if others else ""


def fits(lines: list[str], kind: str, options: TraceOptions) -> bool:
    try:
        for _ in FORMATS[kind].sightings(lines, "", options):
            pass
    except InputError:
        return False
    return True
