# SPDX-License-Identifier: MIT
"""PURE: the profiles that a TOML file gives to a board, by name."""

from typing import Any

from crowdcharge.escaping import shown
from crowdcharge.profiles.profile import known
from crowdcharge.toml_table import Table


def profile_names(table: Table, key: str, value: Any) -> tuple[str, ...]:
    """One name, or the names of a board that speaks several technologies."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list):
        raise table.fail(key, "must be the name of a profile, or a list of names")
    for name in names:
        if not isinstance(name, str) or name not in known():
            raise table.fail(key, f"unknown profile {shown(name)}; known are {', '.join(known())}")
    return tuple(names)
