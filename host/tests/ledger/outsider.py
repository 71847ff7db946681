# SPDX-License-Identifier: MIT
"""Runs the two listings of docs/reference/ledger.md as they stand there, and none of our code."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "ledger.md"
LISTINGS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
_SPACE: dict[str, Any] = {}
for _listing in LISTINGS:
    exec(compile(_listing, PAGE.name, "exec"), _SPACE)


def judged(
    path: Path, keys: Mapping[int, Sequence[bytes]], names: Sequence[str] = ("check", "further")
) -> tuple[str, Counter[str]]:
    """Return what the listings of these names find first, or "", and what they count."""
    counts: Counter[str] = Counter()
    for name in names:
        try:
            counts |= Counter(_SPACE[name](path, keys))
        except Exception as error:  # noqa: BLE001 - whatever is raised, it is found
            return f"{name}: {error!r}", counts
    return "", counts
