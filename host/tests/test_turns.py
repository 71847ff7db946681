# SPDX-License-Identifier: MIT
"""The order in which several workers take the files."""

from itertools import pairwise
from pathlib import Path

from .turns import put_in_turn, recorded_s, turns

ROOT = Path(__file__).parents[2]


def test_the_longest_come_first_and_both_kinds_last_until_the_end():
    waits = dict.fromkeys(("bench a", "bench b", "bench c"), True)
    computes = dict.fromkeys(("short", "sweep"), False)
    lasts_s = {"bench a": 10.0, "bench b": 60.0, "bench c": 30.0, "sweep": 6.0}
    assert turns(waits | computes, lasts_s) == {
        "bench b": 0.0,
        "bench c": 0.6,
        "bench a": 0.9,
        "sweep": 0.0,
        "short": 0.75,
    }


def test_the_table_names_files_that_are_there():
    assert [file for file in recorded_s() if not (ROOT / file).is_file()] == []


def test_the_tests_of_a_file_stay_together(request):
    """With the items of this very session."""
    items = list(request.session.items)
    put_in_turn(items, request.config.rootpath)
    files = [item.path for item in items]
    changes = [file for file, before in pairwise(files) if file != before]
    assert len(changes) == len(set(files)) - 1
    assert sorted(items, key=id) == sorted(request.session.items, key=id)
