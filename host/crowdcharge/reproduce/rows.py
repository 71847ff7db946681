# SPDX-License-Identifier: MIT
"""Rows of the table that every figure ends in: paper, ours, difference, draws, and why."""

from math import isclose
from typing import Any

NOT_PRINTED = "not printed"
COLUMNS = ("what", "paper", "ours", "difference", "draws", "why")
_SAME = 1e-4  # relative: papers print at most five digits


def row(what: str, paper: Any, ours: Any, draws: int = 1, why: str = "") -> dict[str, Any]:
    """Make a row; `paper` is None where the paper prints nothing.

    `why` says why the two differ, or what a number that was not printed is compared with instead.
    """
    return {
        "what": what,
        "paper": NOT_PRINTED if paper is None else paper,
        "ours": ours,
        "difference": "-" if paper is None else difference(paper, ours),
        "draws": draws,
        "why": why,
    }


def difference(paper: Any, ours: Any) -> str:
    """Say how far ours is from the paper's: a number with its share, "none", or "see why"."""
    if not all(type(value) in (int, float) for value in (paper, ours)):
        return "none" if paper == ours else "see why"
    if isclose(paper, ours, rel_tol=_SAME):
        return "none"
    share = f" ({100 * (ours - paper) / abs(paper):+.1f} %)" if paper else ""
    return f"{ours - paper:+.4g}{share}"


def shown(value: Any) -> str:
    """Write a value for a reader: numbers short, ranges as "least to greatest"."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple) and len(value) == 2:
        return " to ".join(map(shown, value))
    return str(value)


def as_markdown(name: str, rows: list[dict[str, Any]]) -> str:
    """Write a figure's rows as a table in Markdown."""
    lines = [f"## {name}", "", f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    lines += [f"| {' | '.join(shown(each[column]) for column in COLUMNS)} |" for each in rows]
    return "\n".join(lines) + "\n"
