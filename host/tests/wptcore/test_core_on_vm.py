# SPDX-License-Identifier: MIT
"""The files of firmware/tests, unchanged, on the real MicroPython VM."""

import subprocess
from pathlib import Path

import pytest

from crowdcharge.bench.board.micropython import binary

FIRMWARE = Path(__file__).parents[3] / "firmware"
RUNNER = FIRMWARE / "tools" / "vm_runner.py"


@pytest.mark.vm
@pytest.mark.parametrize(
    "path", sorted((FIRMWARE / "tests").glob("test_*.py")), ids=lambda path: path.stem
)
def test_on_the_vm(path: Path) -> None:
    result = subprocess.run(
        [str(binary()), "-X", "heapsize=4m", str(RUNNER), str(FIRMWARE), str(path)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "ok " in result.stdout, "no test ran"


@pytest.mark.vm
def test_the_runner_reports_a_failure(tmp_path: Path) -> None:
    failing = tmp_path / "test_failing.py"
    failing.write_text("def test_it():\n    assert 1 == 2\n")
    result = subprocess.run(
        [str(binary()), str(RUNNER), str(FIRMWARE), str(failing)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={"MICROPYPATH": str(tmp_path)},
    )
    assert result.returncode == 1, result.stdout + result.stderr
    assert "FAILED test_failing.test_it" in result.stdout
