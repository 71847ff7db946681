# SPDX-License-Identifier: MIT
"""Every test that the documents name exists, and every declared fault has its row."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = ("safety.md", "explanation/security.md", "explanation/storage.md")


def existing() -> set[str]:
    folders = (ROOT / "firmware" / "tests", ROOT / "host" / "tests", ROOT / "hil_tests")
    sources = [path for folder in folders for path in folder.rglob("test_*.py")]
    found: set[str] = set()
    for path in sources:
        found.update(re.findall(r"def (test_\w+)\(", path.read_text(encoding="utf-8")))
    return found | {path.stem for path in sources}


@pytest.mark.parametrize("page", PAGES)
def test_every_named_test_exists(page):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    named = set(re.findall(r"\b(test_\w+)\b", text))
    assert named
    assert named - existing() == set()


def test_every_fault_is_in_the_safety_case():
    source = (ROOT / "firmware" / "errors.toml").read_text(encoding="utf-8")
    faults = source.partition("# -- ends")[0]
    text = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")
    by_words = {  # rows that take several together
        "OVER_VOLTAGE", "OVER_CURRENT", "UNDER_VOLTAGE", "ROLE_CONFLICT", "METER_STALE",
        "METER_OVERFLOW", "METER_CALIBRATION", "METER_JUMP", "METER_STUCK",
    }  # fmt: skip
    names = set(re.findall(r'^name = "(\w+)"', faults, re.MULTILINE))
    assert {name for name in names - by_words if name not in text} == set()
