# SPDX-License-Identifier: MIT
"""The security page quotes the figures that firmware/tests/test_squatters.py measures."""

import ast
from pathlib import Path

from wptcore import links

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "explanation" / "security.md").read_text(encoding="utf-8")
SOURCE = (ROOT / "firmware" / "tests" / "test_squatters.py").read_text(encoding="utf-8")


def constants():
    """Return the literals that the measuring test asserts, without running it again."""
    return {
        each.targets[0].id: ast.literal_eval(each.value)
        for each in ast.parse(SOURCE).body
        if isinstance(each, ast.Assign) and each.targets[0].id.endswith("_s")
    }


def test_the_table_is_what_is_measured():
    for (links_max, strangers), (usual_s, worst_s) in constants()["WORST_s"].items():
        assert f"| {links_max} | {strangers} | {usual_s} s | {worst_s} s |" in PAGE


def test_the_rule_is_the_codes():
    assert f"within {links.HELLO_MAX_ms // 1000} s ({links.HELLO_CROWDED_ms // 1000} s" in PAGE
    assert f"no fresh command for {links.SILENT_MAX_ms // 1000} s" in PAGE
    assert f"in after {constants()['RELAYED_WORST_s']} s at most" in PAGE
