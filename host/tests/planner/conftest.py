# SPDX-License-Identifier: MIT
"""The independent programs and the random problems, for every test of the planners."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from crowdcharge.planner import Problem, lal, lay

HERE = Path(__file__).parent


def pytest_collection_finish(session):
    """Compile the kernels once, outside any test's time limit."""
    if any(Path(item.path).parent == HERE for item in session.items):
        even = Problem([1.0, 1.0], [(0, 1, 1)], 1, 0, 2, 0.1)
        lal(even)
        lay(even)


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"planner_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def reference() -> ModuleType:
    return load("reference")


@pytest.fixture(scope="session")
def random_problem():
    return load("random_problems").random_problem


@pytest.fixture(scope="session")
def edge_problem():
    return load("edge_problems").edge_problem


@pytest.fixture
def fig3():
    """Return the worked example of the paper (Fig. 3, Table II), agents from 0."""
    contacts = [(0, 2, 9), (2, 3, 20), (1, 2, 37), (1, 3, 42)]
    return Problem([90, 18, 90, 90], contacts, 50, 10, 100, 0.2)
