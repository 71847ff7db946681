# SPDX-License-Identifier: MIT
"""PURE: the sweep file. docs/reference/sweep.md has its keys."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from crowdcharge.toml_table import Table

SEED_MAX = 2**63 - 1
RUNS_MAX = 100_000
_OF_THE_SWEEP = {"seed": "seeds", "runs": "seeds"}  # keys of a scenario that a sweep has itself


@dataclass(frozen=True, slots=True)
class Sweep:
    """`values` by dotted key of the scenario; `seeds` count from the scenario's, or are listed."""

    values: Mapping[str, list[Any]]
    seeds: int | tuple[int, ...] = 1

    def __len__(self) -> int:
        seeds = len(self.seeds) if isinstance(self.seeds, tuple) else self.seeds
        return seeds * prod(map(len, self.values.values()))

    def combinations(self) -> Iterator[dict[str, Any]]:
        """Yield what each combination changes; the last key of the file changes fastest."""
        for values in product(*self.values.values()):
            yield dict(zip(self.values, values, strict=True))

    def seeds_from(self, first: int) -> Sequence[int]:
        return self.seeds if isinstance(self.seeds, tuple) else range(first, first + self.seeds)


def parse_sweep(text: str, name: str) -> Sweep:
    """Read a sweep; InputError with the file's name, the line and the key."""
    top = Table.parse(text, name)
    top.only({"vary", "seeds"})
    sweep = Sweep(dict(_lists(top.table("vary"), "")), _seeds(top))
    if not sweep.values and "seeds" not in top:
        raise top.fail("", "varies nothing: give [vary] or seeds")
    if len(sweep) > RUNS_MAX:
        raise top.fail("", f"asks for {len(sweep)} runs; the most is {RUNS_MAX}")
    return sweep


def _seeds(top: Table) -> int | tuple[int, ...]:
    given = top.raw("seeds")
    if not isinstance(given, list):
        return top.integer("seeds", 1, 1, RUNS_MAX)
    if not given or any(type(seed) is not int or not 0 <= seed <= SEED_MAX for seed in given):
        raise top.fail("seeds", f"must be a number of seeds, or a list of seeds 0 to {SEED_MAX}")
    if len(set(given)) < len(given):
        raise top.fail("seeds", "has a seed twice")
    return tuple(given)


def _lists(table: Table, before: str) -> Iterator[tuple[str, list[Any]]]:
    """Yield the dotted keys, which may be written dotted, quoted or as tables."""
    seen = set()
    for key, value in table.values().items():
        name = f"{before}{key}"
        found = (
            _lists(table.table(key), f"{name}.") if isinstance(value, dict) else [(name, value)]
        )
        for dotted, values in found:
            if dotted in seen:
                raise table.fail(key, f"gives {dotted} twice")
            seen.add(dotted)
            if values is value:
                _check(table, key, dotted, values)
            yield dotted, values


def _check(table: Table, key: str, dotted: str, values: Any) -> None:
    if not all(dotted.split(".")):
        raise table.fail(key, "is no dotted key")
    if dotted in _OF_THE_SWEEP:
        raise table.fail(key, f"is the sweep's own: give {_OF_THE_SWEEP[dotted]} instead")
    if not isinstance(values, list) or not values:
        raise table.fail(key, "must be a list of the values to try")
    texts = []
    for at, value in enumerate(values):
        if not isinstance(value, str | int | float | list):
            raise table.fail(key, "is no number, text or list; vary the keys of a table", at)
        texts.append(json.dumps(value, default=str))
        if texts[-1] in texts[:-1]:
            raise table.fail(key, f"has {texts[-1]} twice", at)
