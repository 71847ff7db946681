# SPDX-License-Identifier: MIT
"""Ledgers that earlier code wrote are opened, verified, shown and exported as that code did."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from crowdcharge.cli.ledger import ledger
from crowdcharge.ledger import kinds
from crowdcharge.ledger.rows import FIRST_HASH, chained
from crowdcharge.ledger.store import Store

OLD = Path(__file__).parent / "before_the_move"
RUNS = ["demo", "trade", "every_kind"]


@pytest.fixture(params=RUNS)
def old(request, tmp_path, monkeypatch):
    """Return a copy of such a run's folder, which is the working directory too."""
    folder = shutil.copytree(OLD / request.param, tmp_path / "run")
    (folder / "keys.toml").chmod(0o600)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("verify", "ledger.sqlite", "--keys", "keys.toml"), "verify.txt"),
        (("export", "ledger.sqlite"), "export.csv"),
        (("export", "ledger.sqlite", "--format", "json"), "export.json"),
        (("show", "ledger.sqlite", "--json"), "summary.json"),
    ],
)
def test_the_commands_say_what_they_said(old, arguments, expected):
    said = CliRunner().invoke(ledger, arguments)
    assert said.output == (old / expected).read_text(encoding="utf-8")


def test_each_row_is_written_again_byte_for_byte(old):
    with Store.read(old / "ledger.sqlite") as store:
        assert store.damage() is None
        previous = FIRST_HASH
        for row in store.rows():
            assert chained(row.seq, previous, row.content()) == row
            previous = row.hash


def test_it_is_continued(old):
    with Store.create(old / "ledger.sqlite") as store:
        runs = len(store.book.runs)
        store.append([kinds.Run("x", None, None)])
        assert len(store.book.runs) == runs + 1


def test_every_kind_is_among_them():
    with Store.read(OLD / "every_kind" / "ledger.sqlite") as store:
        came_later = {"meter", "claim", "member", "site", "passed", "reward", "credit"}
        assert {row.kind for row in store.rows()} == kinds.KINDS.keys() - came_later
