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
PAGE = re.compile(r"\]\(([\w./-]+\.md)(?:#[\w-]*)?\)")


def existing_tests() -> set[str]:
    folders = (ROOT / "firmware" / "tests", ROOT / "host" / "tests", ROOT / "hil_tests")
    sources = (path.read_text(encoding="utf-8") for each in folders for path in each.rglob("*.py"))
    return set(chain.from_iterable(re.findall(r"def (test_\w+)\(", text) for text in sources))


def dead(text: str) -> set[str]:
    """Return the paths, pages and tests that a text names and that do not exist."""
    paths = {*PATH.findall(text), *(f"docs/reference/{page}" for page in PAGE.findall(text))}
    tests = set(re.findall(r"`(test_\w+)`", text))
    return {path for path in paths if not (ROOT / path).is_file()} | (tests - existing_tests())


def test_every_path_and_every_test_exists():
    assert len(PATH.findall(TEXT)) > 40
    assert len(PAGE.findall(TEXT)) > 3
    assert dead(TEXT) == set()


def test_what_does_not_exist_is_found():
    paths = {"host/crowdcharge/gone.py", "docs/reference/gone.md"}
    told = "`host/crowdcharge/gone.py` [gone](gone.md#here) [is](airfuel.md) `test_of_nothing`"
    gone = paths | {"test_of_nothing"}
    assert dead(told) == gone


def test_all_that_looks_like_a_file_is_held_to_exist():
    """A module that is named otherwise than from the root would escape."""
    files = set(re.findall(r"`([\w./-]+\.(?:py|toml|md))`", TEXT))
    assert files == set(PATH.findall(TEXT))


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
