# SPDX-License-Identifier: MIT
"""docs/walk.md, and the table of places in docs/contributing.md, name only what exists."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
WALK = (ROOT / "docs" / "walk.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")


def defined() -> set[str]:
    """`name` and `Class.name` of every definition in firmware and host."""
    names: set[str] = set()
    for folder in ("firmware", "host/crowdcharge"):
        for path in (ROOT / folder).rglob("*.py"):
            module = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(module):
                if isinstance(node, ast.ClassDef):
                    members = [item for item in node.body if hasattr(item, "name")]
                    names |= {f"{node.name}.{item.name}" for item in members}
                if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    names |= {node.name, f"{path.stem}.{node.name}"}
                if isinstance(node, ast.Assign):
                    targets = [target for target in node.targets if isinstance(target, ast.Name)]
                    names |= {f"{path.stem}.{target.id}" for target in targets}
    return names


def test_every_name_exists() -> None:
    known = defined()
    named = re.findall(r"`([A-Za-z_]+\.[A-Za-z_]+)`", WALK)
    files = {name for name in named if name.endswith(".py")}
    missing = [name for name in named if name not in known and name not in files]
    assert len(named) > 40
    assert missing == []


def test_every_file_exists() -> None:
    paths = {path for folder in ("firmware", "host") for path in (ROOT / folder).rglob("*.py")}
    for name in re.findall(r"`([a-z_/]+\.py)`", WALK):
        assert any(str(path).endswith("/" + name) for path in paths), name


def test_every_place_exists() -> None:
    places = re.findall(r"`((?:firmware|hardware|host|docs)/[\w/.]+)`", CONTRIBUTING)
    assert len(places) > 12
    assert [place for place in places if not (ROOT / place).exists()] == []
