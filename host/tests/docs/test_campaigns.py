# SPDX-License-Identifier: MIT
"""Every file with tests that CI leaves out is on a page that says how to run it."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGES = ("docs/reference/campaigns.md", "docs/safety.md", "docs/howto/hil.md")
NAMED = re.compile(r"`[^`]*?((?:host|firmware|hil_tests)[\w/]*/)?(test_\w+\.py)[^`]*`")


def test_files_with_the_mark_and_files_on_the_pages_are_the_same() -> None:
    found = [
        path
        for folder in ("host/tests", "firmware/tests", "hil_tests")
        for path in (ROOT / folder).rglob("test_*.py")
        if re.search(r"\bmark\.long\b", path.read_text(encoding="utf-8"))
    ]
    marked = {path.name for path in found if "guest" not in path.parts}
    assert len(marked) > 30
    told = {match[2] for page in PAGES for match in NAMED.finditer((ROOT / page).read_text())}
    assert marked - told == set()
    campaigns = {match[2] for match in NAMED.finditer((ROOT / PAGES[0]).read_text())}
    assert campaigns - marked == set()
