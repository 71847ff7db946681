# SPDX-License-Identifier: MIT
"""PURE: edge lists, a row for each contact: any table with a column map, and KONECT's."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from crowdcharge.errors import InputError
from crowdcharge.simulation.traces.options import Column, TraceOptions
from crowdcharge.simulation.traces.rows import TextRow, is_moment, positions, rows_of
from crowdcharge.simulation.traces.trace import TraceSighting, node_at, sighting

DEFAULT_COLUMNS: dict[str, Column] = {"a": 1, "b": 2, "start": 3}


class Places(NamedTuple):
    """Positions of the columns from 0; -1 for a column that the file does not have."""

    a: int
    b: int
    start: int
    end: int = -1
    lasts: int = -1


def read_edges(lines: Iterable[str], name: str, options: TraceOptions) -> Iterator[TraceSighting]:
    """Read rows of two nodes, a start, and an end or how long it lasts.

    Without a column for that, every contact lasts `options.lasts_s`. Times are numbers in
    `options.unit`, or ISO dates and times.
    """
    columns = dict(options.columns) or DEFAULT_COLUMNS
    numbers = [each for each in columns.values() if isinstance(each, int)]
    if options.lasts_s == 0 and not columns.keys() & {"end", "lasts"}:
        raise InputError(f"{name}: contacts need lasts_s, or a column for end or lasts")
    least = max([3, *numbers])
    places = (
        Places(**{key: each - 1 for key, each in columns.items() if isinstance(each, int)})
        if len(numbers) == len(columns)
        else None
    )
    iso: bool | None = None
    for count, row in enumerate(rows_of(lines, name, least)):
        if count == 0 and places is None:
            places = named_places(row, columns)
            continue
        assert places is not None
        if count == 0 and row.is_header:
            continue
        if iso is None:
            iso = is_moment(row.text_at(places.start))
        yield edge(row, places, iso, options)


def named_places(header: TextRow, columns: dict[str, Column]) -> Places:
    found = {}
    for key, column in columns.items():
        if isinstance(column, int):
            found[key] = column - 1
        else:
            (found[key],) = positions(header, [column])
    return Places(**found)


def edge(row: TextRow, places: Places, iso: bool, options: TraceOptions) -> TraceSighting:
    def time_at(index: int) -> float:
        return row.moment_at(index) if iso else row.number_at(index) * options.unit_s

    start_s = time_at(places.start)
    if places.end >= 0:
        end_s = time_at(places.end)
    elif places.lasts >= 0:
        end_s = start_s + row.number_at(places.lasts) * options.unit_s
    else:
        end_s = start_s + options.lasts_s
    return sighting(row, start_s, end_s, node_at(row, places.a), node_at(row, places.b))


def read_konect(lines: Iterable[str], name: str, options: TraceOptions) -> Iterator[TraceSighting]:
    """Read a KONECT `out.` file with times: `node node weight time`; lines with % are remarks.

    A row is an instant, so every contact lasts `options.lasts_s`.
    """
    if options.lasts_s == 0:
        raise InputError(f"{name}: KONECT gives instants; say how long a contact lasts_s")
    for row in rows_of(lines, name, 4):
        row.expect(
            len(row.fields) == 4,
            "expected node node weight time (a network without times has no contacts)",
        )
        weight, at_s = row.number_at(2), row.number_at(3) * options.unit_s
        row.expect(weight > 0, "a weight that is not positive takes a contact away")
        yield sighting(row, at_s, at_s + options.lasts_s, node_at(row, 0), node_at(row, 1))
