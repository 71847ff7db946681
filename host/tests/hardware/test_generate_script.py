# SPDX-License-Identifier: MIT
"""`python hardware/generate.py` as a maker runs it, on a copy of the tree."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from generator.source import HARDWARE

ROOT = HARDWARE.parent
SKIPPED = shutil.ignore_patterns("__pycache__")


@pytest.fixture
def tree(tmp_path):
    for folder in ("hardware", "firmware/boards", "docs/reference", "docs/howto"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=SKIPPED)
    shutil.copy(ROOT / "firmware/errors.toml", tmp_path / "firmware")
    return tmp_path


def run(tree: Path, *arguments: str, python: tuple[str, ...] = (sys.executable,)):
    return subprocess.run(
        [*python, str(tree / "hardware/generate.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def change(tree: Path, old: str, new: str) -> None:
    path = tree / "hardware/boards/pico_w.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.program("dot", "graphviz")
def test_one_change_in_the_source_changes_all_that_follows_and_nothing_else(tree):
    change(tree, 'sda = "GP4"', 'sda = "GP6"')
    assert run(tree, "--check").returncode == 1
    done = run(tree)
    assert (done.returncode, done.stderr) == (0, "")
    written = set(done.stdout.split())
    assert written == {
        "firmware/boards/pico_w.py",
        "docs/reference/boards/pico_w.md",
        "docs/reference/boards/img/pico_w-circuit.svg",
        "docs/reference/boards/img/pico_w-wiring.svg",
        "hardware/kicad/pico_w.net",
        "hardware/kicad/pico_w.kicad_sch",
        "hardware/kicad/crowdcharge.kicad_sym",
        "hardware/wiring/pico_w.yml",
        "hardware/wiring/pico_w.png",
    }
    assert "I2C_SDA = 6" in (tree / "firmware/boards/pico_w.py").read_text()
    assert "GP6" in (tree / "docs/reference/boards/img/pico_w-wiring.svg").read_text()
    assert run(tree, "--check").returncode == 0


def test_without_graphviz_the_texts_are_written_and_one_line_says_what_is_not(tree):
    change(tree, 'sda = "GP4"', 'sda = "GP6"')
    done = subprocess.run(
        [sys.executable, str(tree / "hardware/generate.py")],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": ""},
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "2 pictures are not drawn: they need Graphviz, package graphviz"
    ]
    assert "I2C_SDA = 6" in (tree / "firmware/boards/pico_w.py").read_text()


def test_a_fault_is_one_line_and_nothing_is_written(tree):
    change(tree, 'scl = "GP5"', 'scl = "GP4"')
    before = (tree / "firmware/boards/pico_w.py").read_text()
    done = run(tree)
    assert done.returncode == 2
    lines = (tree / "hardware/boards/pico_w.toml").read_text().splitlines()
    at = lines.index('scl = "GP4"') + 1
    assert done.stderr.splitlines() == [
        f"hardware/boards/pico_w.toml:{at}: i2c.scl: GP4 is already i2c.sda (line {at - 1})"
    ]
    assert (tree / "firmware/boards/pico_w.py").read_text() == before


def test_a_missing_library_is_one_line_that_says_what_to_install(tree):
    done = run(tree, python=(sys.executable, "-I", "-S"))  # no site-packages
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "the generator needs jsonschema: python -m pip install -e '.[hardware]'"
    ]
