# SPDX-License-Identifier: MIT
"""The turn in which several workers take the files, so that none ends long after the others."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

DURATIONS = Path(__file__).parent / "durations.toml"
_SHORT_s = 2.0  # a file that is not in the table


def recorded_s() -> dict[str, float]:
    return cast("dict[str, float]", tomllib.loads(DURATIONS.read_text(encoding="utf-8")))


def turns(waits: Mapping[str, bool], lasts_s: Mapping[str, float]) -> dict[str, float]:
    """Return by file where in a run, 0 to 1, it is to begin.

    `waits` tells of each file whether it mostly waits for a bench. Of those that do, and of those
    that compute, the longest come first, and both kinds last until the end.
    """
    found = {}
    for kind in (True, False):
        files = [file for file in waits if waits[file] is kind]
        files.sort(key=lambda file: -lasts_s.get(file, _SHORT_s))
        total_s = sum(lasts_s.get(file, _SHORT_s) for file in files)
        begun_s = 0.0
        for file in files:
            found[file] = begun_s / total_s
            begun_s += lasts_s.get(file, _SHORT_s)
    return found


def put_in_turn(items: list[pytest.Item], root: Path) -> None:
    """Order the tests by their files' turns; those of a file stay together."""
    files = {item: item.path.relative_to(root).as_posix() for item in items}
    waits = {file: item.get_closest_marker("bench") is not None for item, file in files.items()}
    found = turns(waits, recorded_s())
    items.sort(key=lambda item: found[files[item]])
