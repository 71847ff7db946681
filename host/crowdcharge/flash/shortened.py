# SPDX-License-Identifier: MIT
"""PURE: gives parameters and local variables of the firmware short names, anew in each function.

A board's VM keeps every name that it has seen in memory for ever: those of parameters and, where
it compiles by itself, as CircuitPython does, those of all variables. No traceback shows them.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from string import ascii_lowercase

from crowdcharge.flash.edits import Edit, edited, parsed

_SHORT = [*ascii_lowercase, *map("".join, product(ascii_lowercase, ascii_lowercase))]
_NOT_RUN = {"annotation", "returns"}


def shortened(sources: Mapping[str, str], callers: Iterable[str]) -> dict[str, str]:
    """Return the sources with short names within their functions.

    What a call gives by keyword, in any of them or of the `callers`, which are sources, too, keeps
    its name. SyntaxError: a source is none.
    """
    trees = {name: parsed(text) for name, text in sources.items()}
    keywords = {
        node.arg
        for tree in (*trees.values(), *map(parsed, callers))
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg is not None
    }
    return {name: edited(text, _edits(trees[name], keywords)) for name, text in sources.items()}


def _edits(tree: ast.Module, keywords: set[str]) -> Iterator[Edit]:
    fixed = {"self", *keywords}
    fixed |= {name for node in _outside(tree) for name in (*_held(node), *_set(node))}
    for parts in _functions(tree):
        nodes = [node for part in parts for node in _run(part)]
        local = {name for node in nodes for name in _set(node)}
        local -= fixed.union(*map(_held, nodes))
        others = {node.id for node in nodes if isinstance(node, ast.Name)} - local
        free = (name for name in _SHORT if name not in others)
        short: dict[str, str] = {}
        for node in nodes:
            if isinstance(node, ast.Name | ast.arg):
                old = node.id if isinstance(node, ast.Name) else node.arg
                if old in local:
                    short[old] = short.get(old) or next(free)
                    yield Edit.name(node, old, short[old])


def _outside(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what runs when the module is loaded, with its functions and classes as a whole."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _outside(child)


def _functions(node: ast.AST) -> Iterator[Iterable[ast.AST]]:
    """Yield parameters and body of each function that stands in no other."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (*_parameters(child.args), *child.body)
        elif isinstance(child, ast.Lambda):
            yield (*_parameters(child.args), child.body)
        else:
            yield from _functions(child)


def _parameters(found: ast.arguments) -> list[ast.arg]:
    extra = [each for each in (found.vararg, found.kwarg) if each is not None]
    return [*found.posonlyargs, *found.args, *found.kwonlyargs, *extra]


def _run(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the node and what is in it, in order, without annotations, which no VM runs."""
    yield node
    for field, value in ast.iter_fields(node):
        if field not in _NOT_RUN:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _run(child)


def _set(node: ast.AST) -> Iterator[str]:
    """Yield the variable or parameter that a node gives a value."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
            yield name


def _held(node: ast.AST) -> Iterator[str]:
    """Yield names that a node binds and that are no part of it that could be changed alone."""
    match node:
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from (each.name for each in names)
        case ast.ExceptHandler(name=str(name)):
            yield name
        case (
            ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name)
        ):
            yield name
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            yield from names
