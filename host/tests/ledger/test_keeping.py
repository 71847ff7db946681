# SPDX-License-Identifier: MIT
"""Catching up: whatever beginnings two places hold, they end equal, or are refused unchanged."""

import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.errors import InputError
from crowdcharge.ledger.keeping import catch_up, lacks
from crowdcharge.ledger.rows import FIRST_HASH, chained
from crowdcharge.ledger.sqlite_rows import SqliteRows

from .conftest import opening


def chain(numbers):
    rows, previous = [], FIRST_HASH
    for seq, number in enumerate(numbers, 1):
        rows.append(chained(seq, previous, opening(number)))
        previous = rows[-1].hash
    return rows


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 9), max_size=5),
    st.lists(st.integers(1, 9), max_size=4),
    st.lists(st.integers(1, 9), max_size=4),
)
def test_two_chains_are_joined_only_if_one_begins_the_other(same, more, others):
    source_rows, target_rows = chain(same + more), chain(same + others)
    shared = min(len(source_rows), len(target_rows))
    fits = source_rows[:shared] == target_rows[:shared]
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as opened:
        source, target = (
            opened.enter_context(closing(SqliteRows.write(Path(scratch, name))))
            for name in ("source", "target")
        )
        for kept, rows in ((source, source_rows), (target, target_rows)):
            if rows:
                kept.insert(rows)
        missing = len(source_rows) - shared
        if fits:
            assert lacks(target, source) == missing
            assert catch_up(source, target) == missing
            assert catch_up(source, target) == 0
            assert list(target.rows()) == max(source_rows, target_rows, key=len)
        else:
            with pytest.raises(InputError, match=f"differ by row {shared}"):
                catch_up(source, target)
            assert list(target.rows()) == target_rows
        assert list(source.rows()) == source_rows


def test_long_chains_come_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("crowdcharge.ledger.keeping._BATCH_ROWS", 3)
    rows = chain(range(1, 9))
    with (
        closing(SqliteRows.write(tmp_path / "source")) as source,
        closing(SqliteRows.write(tmp_path / "target")) as target,
    ):
        source.insert(rows)
        sizes, insert = [], target.insert
        monkeypatch.setattr(target, "insert", lambda rows: (sizes.append(len(rows)), insert(rows)))
        assert catch_up(source, target) == 8
        assert sizes == [3, 3, 2] and list(target.rows()) == rows
