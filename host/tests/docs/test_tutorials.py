# SPDX-License-Identifier: MIT
"""The pages of researchers and teachers: every block is done, and what they show is what comes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[3] / "docs" / "tutorials"
BLOCK = re.compile(r"^```(sh|toml|python|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SCRIPT = """#!{python}
from crowdcharge.cli import main
if __name__ == "__main__":  # as in an installed script: workers import it again
    main()
"""
NAMED = re.compile(r"# (\S+\.(?:toml|py))\n")


def done(command: list[str], folder: Path) -> str:
    """Run what a reader runs; return what they see."""
    ended = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ended.returncode == 0, (command, ended.stderr)
    return ended.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    shim = tmp_path / "bin" / "crowdcharge"
    shim.write_text(SCRIPT.format(python=sys.executable))
    shim.chmod(0o755)
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", ["researcher.md", "teacher.md"])
def test_every_block_of_the_page(page: str, folder: Path) -> None:
    shown = 0
    out = ""
    for kind, text in BLOCK.findall((PAGES / page).read_text(encoding="utf-8")):
        if named := NAMED.match(text):
            (folder / named[1]).write_text(text, encoding="utf-8")
        elif kind == "python":
            out = done([sys.executable, "-c", text], folder)
        elif kind == "text":
            assert out == text
            shown += 1
        elif not text.startswith("pip "):
            done(["/bin/sh", "-e", "-c", text], folder)
    assert shown >= 2
