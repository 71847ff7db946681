# SPDX-License-Identifier: MIT
"""PURE: gives what objects keep to themselves short names, anew in each module of the firmware.

A board's VM keeps the name of each attribute in memory for ever. Methods keep theirs, because
tracebacks show them.
"""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from string import ascii_lowercase

from crowdcharge.flash.edits import Edit, edited, parsed


def own_shortened(sources: Mapping[str, str], others: Iterable[str]) -> dict[str, str]:
    """Return the sources with `_a`, `_b` and so on for the private data of their classes.

    That is what no other module speaks of, nor one of the `others`, which are sources, too, in a
    class that has no kin: an heir could have the same short name. SyntaxError: a source is none.
    """
    trees = {name: parsed(text) for name, text in sources.items()}
    every = [*trees.values(), *map(parsed, others)]
    spoken = Counter(name for tree in every for name in _spoken(tree))
    fixed = {name for name, modules in spoken.items() if modules > 1}
    classes = [each for tree in every for each in ast.walk(tree) if isinstance(each, ast.ClassDef)]
    parents = {name for each in classes for base in each.bases for name in _named(base)}
    fixed |= {name for tree in every for name in _said(tree)}
    fixed |= {
        name for each in classes if each.bases or each.name in parents for name in _spoken(each)
    }
    return {name: edited(text, _edits(trees[name], fixed)) for name, text in sources.items()}


def _edits(tree: ast.Module, fixed: set[str]) -> Iterator[Edit]:
    own = sorted(name for name in _spoken(tree) - fixed if _is_private(name))
    short = {name: f"_{letter}" for name, letter in zip(own, ascii_lowercase, strict=False)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in short:
            yield Edit.attribute(node, short[node.attr])


def _spoken(tree: ast.AST) -> set[str]:
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _said(tree: ast.AST) -> Iterator[str]:
    """Yield methods, variables (a class has some, too), and what is written as text."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.Name(id=name):
                yield name
            case ast.Constant(value=str(text)):
                yield text


def _named(base: ast.expr) -> Iterator[str]:
    """Yield the name of a class that another one extends."""
    match base:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            yield name
