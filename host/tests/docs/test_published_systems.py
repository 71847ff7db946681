# SPDX-License-Identifier: MIT
"""The page of the published systems names commands and examples that exist, and figures all."""

import re
from pathlib import Path

from crowdcharge.cli import COMMANDS
from crowdcharge.reproduce import FIGURES

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "reference" / "published-systems.md").read_text(encoding="utf-8")
RESULTS = (DOCS / "reference" / "reproduced.md").read_text(encoding="utf-8")


def test_every_command_and_example_exists() -> None:
    rows = re.findall(r"^\| (?!---|system)(.+) \|$", PAGE, re.M)
    assert len(rows) >= 9
    for row in rows:
        _, command, agrees, ours = row.split(" | ")
        assert agrees
        assert ours
        assert set(re.findall(r"crowdcharge (\w+)", command)) <= set(COMMANDS)
    for example in re.findall(r"docs/examples/[\w.]+", PAGE):
        assert (DOCS.parent / example).is_file(), example


def test_every_figure_has_its_full_results() -> None:
    assert re.findall(r"^## (.+)$", RESULTS, re.M) == list(FIGURES)
