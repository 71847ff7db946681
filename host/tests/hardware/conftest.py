# SPDX-License-Identifier: MIT
"""The generator is a script of the repository, not of the package: put its folder on the path."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "hardware"))

from generator.outputs import Texts, load, outputs
from generator.source import HARDWARE, HardwareError


@pytest.fixture(scope="session")
def texts() -> Texts:
    """Every generated file's path and text, which take seconds to make."""
    return outputs(*load(HARDWARE / "boards"))


@pytest.fixture
def boards(tmp_path: Path) -> Path:
    """Return a copy of the board files that a test may damage."""
    return Path(shutil.copytree(HARDWARE / "boards", tmp_path / "boards"))


@pytest.fixture
def faults(boards: Path) -> Callable[..., list[str]]:
    """Change one line of one board and return the faults that loading reports."""

    def change(board: str, old: str, new: str) -> list[str]:
        path = boards / f"{board}.toml"
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {path.name}"
        path.write_text(text.replace(old, new))
        with pytest.raises(HardwareError) as caught:
            load(boards)
        return caught.value.faults

    return change


@pytest.fixture
def lines_of(boards: Path) -> Callable[[str, str], list[str]]:
    """`file:line: ` of each line of a board file, as it is now, that starts with `text`."""

    def find(board: str, text: str) -> list[str]:
        lines = (boards / f"{board}.toml").read_text().splitlines()
        return [f"{board}.toml:{n}: " for n, line in enumerate(lines, 1) if line.startswith(text)]

    return find
