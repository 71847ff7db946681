# SPDX-License-Identifier: MIT
"""Commands whose work is done by several processes end with one line, and all together."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..command import COMMAND

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not Path("/proc/self/stat").exists(), reason="processes are found in /proc"
    ),
]
EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
COMMANDS = {
    "dataset": ("dataset", "set", "--sessions", "100", "--format", "csv"),
    "sweep": (
        "simulate", str(EXAMPLES / "scenario.toml"), "--sweep", str(EXAMPLES / "sweep.toml"),
        "--out", "table.parquet",
    ),
}  # fmt: skip
WORKERS_s = 60


def workers(group: int) -> list[str]:
    """Return the processes of a group that were spawned to work, by number."""
    return [path.name for path in Path("/proc").glob("[0-9]*") if works(path, group)]


def works(process: Path, group: int) -> bool:
    try:
        told = (process / "stat").read_text().rpartition(")")[2].split()
        command = (process / "cmdline").read_bytes()
    except OSError:  # it has just ended
        return False
    return int(told[2]) == group and told[0] != "Z" and b"spawn_main" in command


def wait_until(there: bool, group: int) -> None:
    end_s = time.monotonic() + WORKERS_s
    while bool(workers(group)) != there:
        assert time.monotonic() < end_s, workers(group)
        time.sleep(0.1)


@contextmanager
def working(name: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a command in a group of its own, as a shell does, and wait for its workers."""
    with subprocess.Popen(
        [*COMMAND, *COMMANDS[name]], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            wait_until(True, process.pid)
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("name", COMMANDS)
def test_ctrl_c_is_one_line(name: str, tmp_path: Path) -> None:
    with working(name, tmp_path) as process:
        os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to all
        _, err = process.communicate(timeout=WORKERS_s)
    assert process.returncode in {130, -signal.SIGINT}
    assert [line for line in err.splitlines() if "runs: " not in line] == [
        "", "crowdcharge: interrupted",
    ]  # fmt: skip
    wait_until(False, process.pid)


@pytest.mark.parametrize("name", COMMANDS)
def test_no_worker_outlives_a_command_that_is_killed(name: str, tmp_path: Path) -> None:
    with working(name, tmp_path) as process:
        process.kill()
        process.communicate(timeout=WORKERS_s)
    wait_until(False, process.pid)
