# SPDX-License-Identifier: MIT
"""The live bench of the hostile tests, shared by all of them; rig.py has what it can do."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from crowdcharge.bench.hub.launch import launch

from .rig import Rig, matrix_config
from .stranger import Stranger


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=1, help="of the randomised campaigns")
    parser.addoption("--reactions", type=Path, help="append measured reaction times, JSON lines")


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--seed"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_rig(tmp_path_factory, request) -> AsyncIterator[Any]:
    folder = tmp_path_factory.mktemp("hostile")
    async with launch(matrix_config(), folder / "bench") as bench:
        reactions = request.config.getoption("--reactions")
        rig = Rig(bench, folder, Stranger, reactions)
        async with rig.running():
            yield rig


@pytest_asyncio.fixture(loop_scope="module")
async def rig(shared_rig):
    """Both boards of the pair idle and without any fault."""
    await shared_rig.healthy()
    return shared_rig
