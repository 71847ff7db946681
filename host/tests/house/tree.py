# SPDX-License-Identifier: MIT
"""The modules of host/crowdcharge as the rules see them: read with `ast`, never imported."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "host" / "crowdcharge"
FOREIGN = {"shims", "_firmware"}  # what the boards' VMs import, by the names of their modules


@cache
def modules() -> dict[str, Path]:
    """Every module's dotted name and file."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ("crowdcharge", *path.relative_to(PACKAGE).with_suffix("").parts)
        if not FOREIGN & set(parts):
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


@cache
def parsed(name: str) -> ast.Module:
    return ast.parse(modules()[name].read_text(encoding="utf-8"))


def imports(name: str) -> set[str]:
    """Return the modules of the package that a module imports, those for types only included."""
    found = set()
    for node in ast.walk(parsed(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}: relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in modules() else str(node.module))
    return (found & modules().keys()) - {name}


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """Return some closed way through the graph, or an empty list; depth first."""
    done: set[str] = set()

    def visit(node: str, way: list[str]) -> list[str]:
        if node in way:
            return [*way[way.index(node) :], node]
        if node in done:
            return []
        for following in sorted(graph[node]):
            if found := visit(following, [*way, node]):
                return found
        done.add(node)
        return []

    for node in graph:
        if found := visit(node, []):
            return found
    return []
