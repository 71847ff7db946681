# SPDX-License-Identifier: MIT
"""What keeps the tree easy to find one's way in."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from .tree import PACKAGE, ROOT, cycle, imports, modules, parsed

TOP_MAX = 7  # modules that belong to no folder; Python looks for __main__ there and nowhere else
LINES_MAX = 400
SOURCES = ("firmware", "hardware", "hil_tests", "host", "docs")
# A class name that stands in several modules, because a protocol or a format asks for it.
SHARED_NAMES: set[str] = set()


def folder(name: str) -> str:
    """Return the folder directly in the package, or in the bench, that a module is in; else ""."""
    depth = 3 if name.startswith("crowdcharge.bench.") else 2
    found = ".".join(name.split(".")[:depth])
    return found if (PACKAGE.parent / found.replace(".", "/")).is_dir() else ""


def test_few_modules_stand_outside_the_folders() -> None:
    outside = [path.name for path in PACKAGE.glob("*.py") if path.stem != "__main__"]
    assert len(outside) <= TOP_MAX, sorted(outside)


def test_no_module_imports_itself_by_way_of_others() -> None:
    assert cycle({name: imports(name) for name in modules()}) == []


def test_no_folder_imports_itself_by_way_of_others() -> None:
    graph: dict[str, set[str]] = defaultdict(set)
    for name in modules():
        graph[folder(name)] |= {folder(each) for each in imports(name)} - {folder(name), ""}
    del graph[""]
    assert cycle(graph) == []


def test_a_cycle_would_be_found() -> None:
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["b", "c", "b"]


@pytest.mark.parametrize("source", SOURCES)
def test_no_file_is_long(source: str) -> None:
    lengths = {path: _lines(path) for path in (ROOT / source).rglob("*.py")}
    assert lengths
    assert {str(path): n for path, n in lengths.items() if n > LINES_MAX} == {}


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_a_class_name_means_one_class() -> None:
    homes = defaultdict(list)
    for name in modules():
        for node in ast.walk(parsed(name)):
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(name)
    assert {name for name, found in homes.items() if len(found) > 1} <= SHARED_NAMES
