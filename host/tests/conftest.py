# SPDX-License-Identifier: MIT
"""How the tests are run: what a test needs, how many files at a time, and in which turn."""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from crowdcharge import cli

from .turns import put_in_turn

INSTALLED = "CROWDCHARGE_INSTALLED"  # packages that .ci/run has installed, so nothing may skip
# Debian keeps a server's programs out of PATH, since several versions may stand side by side.
_BESIDE_PATH = Path("/usr/lib/postgresql")


def _found(program: str) -> str | None:
    folders = [os.environ.get("PATH", os.defpath), *map(str, sorted(_BESIDE_PATH.glob("*/bin")))]
    return shutil.which(program, path=os.pathsep.join(folders))


@pytest.fixture(scope="session")
def program_path() -> Callable[[str], str]:
    """Return what finds a program that `@pytest.mark.program` names."""

    def path_of(program: str) -> str:
        found = _found(program)
        assert found
        return found

    return path_of


def pytest_xdist_auto_num_workers() -> int:
    """Give `-n auto` two files more than there are processors: most tests wait for a bench."""
    return min(processors() + 2, 6)


@pytest.hookimpl(trylast=True)  # once each item has its marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the files in turn where several workers take them."""
    if hasattr(config, "workerinput"):
        put_in_turn(items, config.rootpath)


def pytest_configure(config: pytest.Config) -> None:
    """Have xdist keep that order: its own begins with the files that have the most tests."""
    config.option.loadscopereorder = False


def processors(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Count the processors that this process may use, a container's quota included."""
    allowed = len(os.sched_getaffinity(0))
    with suppress(OSError, ValueError):  # no such file, or "max" for no quota
        most, period = map(int, quota.read_text(encoding="ascii").split())
        return max(1, min(allowed, most // period))
    return allowed


@pytest.fixture(scope="session", autouse=True)
def ctrl_c() -> None:
    """Have Ctrl-C count in what tests start: a shell lets its jobs in the background ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Obey `@pytest.mark.program("dot", "graphviz")`: the program, and the package it is in."""
    for mark in item.iter_markers("program"):
        program, package = mark.args
        if _found(program):
            continue
        reason = f"needs the program {program}: install the package {package}"
        if package in os.environ.get(INSTALLED, "").split():
            pytest.fail(f"{reason} (it was to be there)", pytrace=False)
        pytest.skip(reason)


@pytest.fixture
def crowdcharge(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Run the command in this process; return its exit code, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["crowdcharge", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert isinstance(ended.value.code, int)
        return ended.value.code, *capsys.readouterr()

    return run
