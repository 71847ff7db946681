# SPDX-License-Identifier: MIT
"""One window for the tests of a file; whatever they do to it, it must not say a word."""

from collections.abc import Iterator

import pytest

from .engine import Engine


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine(tmp_path_factory.mktemp("out"))
    yield engine
    said = engine.close()
    assert (engine.process.returncode, said) == (0, "")
