# SPDX-License-Identifier: MIT
"""The map of the standards names only what exists, and leaves no row without an answer."""

import re
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "reference" / "standards-map.md").read_text(encoding="utf-8")
SECTIONS = {
    head.strip(): re.findall(r"^\| (?!---)(.+) \|$", body, re.M)[1:]
    for head, body in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", TEXT, re.M | re.S)
}
ROWS = [row.split(" | ") for row in chain.from_iterable(SECTIONS.values())]
PATH = re.compile(r"`((?:firmware|host|hardware|docs)/[^`]+|pyproject\.toml)`")


def existing_tests() -> set[str]:
    folders = (ROOT / "firmware" / "tests", ROOT / "host" / "tests", ROOT / "hil_tests")
    sources = (path.read_text(encoding="utf-8") for each in folders for path in each.rglob("*.py"))
    return set(chain.from_iterable(re.findall(r"def (test_\w+)\(", text) for text in sources))


def test_every_path_exists():
    paths = PATH.findall(TEXT)
    assert len(paths) > 40
    assert [path for path in paths if not (ROOT / path).is_file()] == []


def test_every_test_exists():
    named = set(re.findall(r"`(test_\w+)`", TEXT))
    assert len(named) > 30
    assert named - existing_tests() == set()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_a_row_has_a_module_and_a_test_or_says_why_not(row):
    _, ours, test = row
    if test == "-":
        assert "not ours, because " in ours
    else:
        assert PATH.search(ours)
        assert "`test_" in test


def test_no_technology_and_no_incentive_of_the_report_is_left_out():
    technologies = SECTIONS["Technologies of TR 6"]
    clauses = ("6.1.1", "6.1.2", "6.2", "6.3", "6.4")
    assert all(f"(TR {each})" in row for each, row in zip(clauses, technologies, strict=True))
    incentives = [row.split(" | ")[0] for row in SECTIONS["Incentives"]]
    assert incentives == ["financial", "social", "entertainment"]
