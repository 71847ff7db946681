# SPDX-License-Identifier: MIT
"""Boards for the port files' tests; the folder's own modules are found by name."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from rig import Board


@pytest.fixture
def board(tmp_path) -> Board:
    return Board(tmp_path)
