# SPDX-License-Identifier: MIT
"""A module that calls itself PURE stands in the import contract that makes it so."""

import ast
import tomllib

from .tree import ROOT, modules, parsed


def contract() -> list[str]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    contracts = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    (found,) = (each for each in contracts if each["name"].startswith("decision code is pure"))
    return list(found["source_modules"])


def test_what_calls_itself_pure_is_held_to_it() -> None:
    held = contract()
    pure = [name for name in modules() if (ast.get_docstring(parsed(name)) or "")[:5] == "PURE:"]
    assert pure
    loose = [name for name in pure if not any(f"{name}.".startswith(f"{each}.") for each in held)]
    assert loose == []
