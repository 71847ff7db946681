# SPDX-License-Identifier: MIT
"""The live bench of the hostile tests, shared by all of them; rig.py has what it can do."""

import importlib.util
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import pytest_asyncio

from crowdcharge.bench.hub.launch import launch

HERE = Path(__file__).parent


def load(name: str) -> ModuleType:
    """Load a file beside this one."""
    spec = importlib.util.spec_from_file_location(f"hostile_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=1, help="of the randomised campaigns")
    parser.addoption("--reactions", type=Path, help="append measured reaction times, JSON lines")


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--seed"))


@pytest.fixture(scope="session")
def rigs() -> ModuleType:
    load("meetings")  # the rig imports it by its loaded name
    return load("rig")


@pytest.fixture(scope="session")
def strange() -> Any:
    """Return the class of a stranger's connection."""
    return load("stranger").Stranger


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_rig(tmp_path_factory, request, rigs, strange) -> AsyncIterator[Any]:
    folder = tmp_path_factory.mktemp("hostile")
    async with launch(rigs.matrix_config(), folder / "bench") as bench:
        reactions = request.config.getoption("--reactions")
        rig = rigs.Rig(bench, folder, strange, reactions)
        async with rig.running():
            yield rig


@pytest_asyncio.fixture(loop_scope="session")
async def rig(shared_rig):
    """Both boards of the pair idle and without any fault."""
    await shared_rig.healthy()
    return shared_rig
