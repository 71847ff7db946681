# SPDX-License-Identifier: MIT
"""The systemd unit that comes with the package, judged by systemd itself."""

import re
import shutil
import subprocess
from importlib import resources
from pathlib import Path

import pytest

EXPOSURE_MAX = 1.2
UNIT = "crowdcharge.service"

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (package systemd)"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a root file system with the program of ExecStart, so that all can be verified."""
    unit = resources.files("crowdcharge").joinpath("data", UNIT).read_text(encoding="utf-8")
    found = re.search(r"^ExecStart=/(\S+)", unit, re.MULTILINE)
    assert found
    program = tmp_path / found[1]
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True)
    (units / UNIT).write_text(unit)
    system = Path("/usr/lib/systemd/system")
    for name in ("sysinit.target", "basic.target", "time-sync.target"):
        shutil.copy(system / name, units / name)
    return tmp_path


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False
    )


def test_unit_is_valid(root: Path) -> None:
    done = analyze("verify", "--man=no", "--recursive-errors=no", f"--root={root}", UNIT)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_misspelt_setting_is_noticed(root: Path) -> None:
    unit = root / "etc/systemd/system" / UNIT
    unit.write_text(unit.read_text().replace("ProtectSystem=", "ProtectSytem="))
    done = analyze("verify", "--man=no", "--recursive-errors=no", f"--root={root}", UNIT)
    assert "ProtectSytem" in done.stderr


def test_exposure_is_what_the_page_states(root: Path) -> None:
    threshold = f"--threshold={round(EXPOSURE_MAX * 10)}"
    done = analyze("security", "--offline=true", threshold, f"--root={root}", UNIT)
    stated = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert stated, done.stdout + done.stderr
    assert done.returncode == 0, done.stdout
    page = Path(__file__).parents[3] / "docs/howto/raspberry-pi.md"
    assert f"exposure of **{stated[1]} " in page.read_text(encoding="utf-8")
