# SPDX-License-Identifier: MIT
"""The command and the ledger of a short year, from which it makes passports."""

from functools import partial
from pathlib import Path

import pytest

from .year import Year


@pytest.fixture(scope="module")
def ledger(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("year") / "ledger.sqlite"
    Year(7, sessions=12).write(path)
    return path


@pytest.fixture
def passport(crowdcharge, monkeypatch, tmp_path):
    """Run the command in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return partial(crowdcharge, "passport")
