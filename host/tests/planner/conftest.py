# SPDX-License-Identifier: MIT
"""The worked example, and the kernels compiled once, for every test of the planners."""

from pathlib import Path

import pytest

from crowdcharge.planner import Problem, lal, lay

HERE = Path(__file__).parent


def pytest_collection_finish(session):
    """Compile the kernels once, outside any test's time limit."""
    if any(Path(item.path).parent == HERE for item in session.items):
        even = Problem([1.0, 1.0], [(0, 1, 1)], 1, 0, 2, 0.1)
        lal(even)
        lay(even)


@pytest.fixture
def fig3():
    """Return the worked example of the paper (Fig. 3, Table II), agents from 0."""
    contacts = [(0, 2, 9), (2, 3, 20), (1, 2, 37), (1, 3, 42)]
    return Problem([90, 18, 90, 90], contacts, 50, 10, 100, 0.2)
