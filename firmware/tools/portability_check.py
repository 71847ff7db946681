# SPDX-License-Identifier: MIT
"""Checks that the firmware can run on MicroPython, CircuitPython and CPython alike.

`python firmware/tools/portability_check.py` prints each breach as `file:line: rule` and exits 1.
"""

import ast
import sys
from pathlib import Path

FIRMWARE = Path(__file__).parents[1]
CORE_IMPORTS = {"struct", "wptcore"}
# Absent or different on the boards' VMs.
ABSENT_MODULES = {
    "abc", "contextlib", "dataclasses", "enum", "functools", "inspect", "logging", "pathlib",
    "threading", "typing",
}  # fmt: skip
ABSENT_METHODS = {"bit_length", "ljust", "rjust", "zfill", "removeprefix", "removesuffix"}


def breaches(tree: ast.AST, core: bool) -> list[tuple[int, str]]:
    """Return (line, rule) of each breach; `core`: apply the stricter rules of wptcore."""
    rules = [lambda node: _import_rule(node, core), _syntax_rule] + [_core_rule] * core
    found = [(getattr(node, "lineno", 0), rule(node)) for node in ast.walk(tree) for rule in rules]
    return [(line, text) for line, text in found if text]


def _import_rule(node: ast.AST, core: bool) -> str:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [node.module or ""]
    else:
        return ""
    for name in names:
        root = name.split(".")[0]
        if root in ABSENT_MODULES:
            return f"{root} is absent on the boards"
        if core and root not in CORE_IMPORTS:
            return f"the core imports only struct and its siblings, not {root}"
    return ""


def _syntax_rule(node: ast.AST) -> str:
    if isinstance(node, ast.Match):
        return "no match statement"
    if isinstance(node, ast.arguments) and node.posonlyargs:
        return "no positional-only parameters"
    if isinstance(node, ast.Attribute) and node.attr in ABSENT_METHODS:
        return f"no .{node.attr}() on the boards"
    if isinstance(node, ast.ExceptHandler) and node.type is None:
        return "no bare except"
    if isinstance(node, ast.Raise) and node.cause is not None:
        return "no raise ... from: the cause is lost on the boards"
    return ""


def _core_rule(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, float):
        return "no float in the core"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return "no true division in the core"
    if isinstance(node, ast.AsyncFunctionDef | ast.Await):
        return "no async in the core"
    if isinstance(node, ast.Global):
        return "no global state in the core"
    return ""


def check(folders: list[Path]) -> list[str]:
    lines = []
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            tree = ast.parse(path.read_text(), str(path))
            core = "wptcore" in path.parts
            lines += [
                f"{path.relative_to(FIRMWARE.parent)}:{line}: {rule}"
                for line, rule in breaches(tree, core)
            ]
    return lines


def main() -> None:
    found = check([FIRMWARE / name for name in ("wptcore", "ports", "drivers", "boards")])
    for line in found:
        print(line)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
