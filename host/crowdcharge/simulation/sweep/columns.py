# SPDX-License-Identifier: MIT
"""PURE: runs of a sweep as rows: what was varied, the seed, and the figures, each in a column.

The column of what was varied has the key's dotted name; figures within figures are joined by `_`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

TEXTS = {"policy", "engine"}
COUNTS = {
    "interactions",
    "transfers",
    "cord_sessions",
    "outages",
    "against_no_exchange_cord_sessions_skipped",
}
_KINDS = {str: str, bool: bool, int: int, float: float}

Row = dict[str, Any]


def table_of(
    varied: Sequence[Mapping[str, Any]], seeds: Sequence[int], figures: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, type], list[Row]]:
    """Return the columns and rows of the runs, which are in the order of the table.

    A figure's column is the same whatever its values are, so that tables can be put together.
    """
    kinds = {key: _kind([changes[key] for changes in varied]) for key in varied[0]}
    flat = [dict(_flat(each)) for each in figures]
    names = dict.fromkeys(name for each in flat for name in each)
    columns = {name: _kind_of_figure(name) for name in names} | kinds
    order = dict.fromkeys((*kinds, "seed", *names))
    rows = [
        each | {key: _cell(value, kinds[key]) for key, value in changes.items()} | {"seed": seed}
        for each, changes, seed in zip(flat, varied, seeds, strict=True)
    ]
    return {name: columns[name] for name in order}, rows


def _flat(figures: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in figures.items():
        name = before + key.replace("-", "_")
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}_")
        else:
            yield name, value


def _kind_of_figure(name: str) -> type:
    if name in TEXTS:
        return str
    return int if name in COUNTS or name == "seed" else float


def _kind(values: Sequence[Any]) -> type:
    """Return the one kind of all values, float for numbers of both kinds, else str for JSON."""
    kinds = {type(value) for value in values}
    if kinds == {int, float}:
        return float
    return _KINDS.get(kinds.pop(), str) if len(kinds) == 1 else str


def _cell(value: Any, kind: type) -> Any:
    """Return a value as its column takes it; lists, and what is mixed, as JSON."""
    if kind is not str:
        return kind(value)
    return value if isinstance(value, str) else json.dumps(value)
