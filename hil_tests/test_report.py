# SPDX-License-Identifier: MIT
"""What a failed test leaves for somebody who did not watch it."""

import subprocess
import sys
from pathlib import Path

import pytest
from hil_tests import report
from hil_tests.series import Series

ROOT = Path(__file__).parents[1]
BODY = """
async def test_on_purpose(couple, note):
    note("answer", 42)
    async with couple.running():
        await couple.donor.console(lambda line: line.ask("version"))
        raise AssertionError("it failed on purpose")
"""


def test_a_plot_is_in_the_page_itself() -> None:
    drawing = report.plot(Series("pair", [(0.0, 0.0, 0.0), (1.0, 3.8, 2.5)]))
    assert drawing.startswith("<figure>")
    assert "<svg" in drawing
    assert "pair pair" in drawing


@pytest.mark.bench
@pytest.mark.vm
def test_a_failure_brings_the_consoles_the_figures_and_the_plot(tmp_path: Path) -> None:
    body = tmp_path / "test_body.py"
    body.write_text(BODY, encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "hil_tests.conftest"),
            *("-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")),
            *("-k", "micropython", f"--junitxml={tmp_path / 'junit.xml'}"),
            *("--hil-report", str(tmp_path / "report"), str(body)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    junit = (tmp_path / "junit.xml").read_text(encoding="utf-8")
    assert done.returncode == 1, done.stdout + done.stderr
    for report_text in (done.stdout, page):
        assert "it failed on purpose" in report_text
        assert "console of board 1" in report_text
        assert "ok protocol=1 firmware=" in report_text
    assert "it failed on purpose" in junit
    assert "<td>42" in page
    assert "<svg" in page
