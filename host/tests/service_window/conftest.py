# SPDX-License-Identifier: MIT
"""One window for the tests of a file; whatever they do to it, it must not say a word."""

from collections.abc import Iterator

import pytest

for needed in ("starlette", "uvicorn", "segno", "httpx"):
    pytest.importorskip(needed)

from .engine import Engine  # noqa: E402 - only where the extra is installed


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine(tmp_path_factory.mktemp("out"))
    yield engine
    said = engine.close()
    assert (engine.process.returncode, said) == (0, "")
