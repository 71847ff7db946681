# SPDX-License-Identifier: MIT
"""PURE: gives the private names of the firmware (`_name`) short ones.

A board's VM keeps each name in memory for ever, and room for many more than it has seen. What one
module has to itself is short anew in each, so that few names serve all of them. A traceback has a
short name, too, and the right line beside it.
"""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, product
from string import ascii_lowercase, digits

from crowdcharge.flash.edits import Edit, edited, parsed

_OWN = [f"_{letter}{more}" for more in ["", *digits] for letter in ascii_lowercase]
_SHARED = [f"_{one}{other}" for one, other in product(ascii_lowercase, ascii_lowercase)]
_Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def own_shortened(sources: Mapping[str, str], others: Iterable[str]) -> dict[str, str]:
    """Return the sources with short names for their private data, methods and functions.

    An attribute that several modules speak of, or a class that has kin, is short in the same way
    everywhere. One that the `others` speak of, which are sources, too, keeps its name, and so does
    whatever is written as text. SyntaxError: a source is none.
    """
    trees = {name: parsed(text) for name, text in sources.items()}
    fixed = {name for text in others for name in _every(parsed(text))}
    fixed |= {name for tree in trees.values() for name in _said(tree)}
    given = {name for tree in trees.values() for name in _given(tree)} - fixed
    spoken = {name: set(_spoken(tree)) & given for name, tree in trees.items()}
    shared = {
        name
        for name, modules in Counter(chain.from_iterable(spoken.values())).items()
        if modules > 1
    }
    shared |= given & set(_of_kin(trees.values()))
    same = _short(shared, _SHARED, fixed)
    attributes = set(chain.from_iterable(_spoken(tree) for tree in trees.values()))
    return {
        name: edited(
            text,
            _edits(
                trees[name],
                same | _short(spoken[name] - shared, _OWN, fixed),
                _short(set(_globals(trees[name])) - fixed - attributes, _OWN, fixed),
            ),
        )
        for name, text in sources.items()
    }


def _short(names: Iterable[str], short: Iterable[str], fixed: set[str]) -> dict[str, str]:
    free = (name for name in short if name not in fixed)
    return dict(zip(sorted(names), free, strict=False))


def _edits(
    tree: ast.Module, attributes: Mapping[str, str], names: Mapping[str, str]
) -> Iterator[Edit]:
    methods = {id(each) for each in _methods(tree)}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=old) if old in attributes:
                yield Edit.attribute(node, attributes[old])
            case ast.Name(id=old) if old in names:
                yield Edit.name(node, old, names[old])
            case ast.FunctionDef(name=old) | ast.ClassDef(name=old):
                new = (attributes if id(node) in methods else names).get(old)
                if new:
                    yield Edit.definition(node, new)


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _methods(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from (each for each in node.body if isinstance(each, ast.FunctionDef))


def _spoken(tree: ast.AST) -> Iterator[str]:
    """Yield each attribute that is asked for or given, and each method."""
    yield from (node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    yield from (method.name for method in _methods(tree))


def _given(tree: ast.AST) -> Iterator[str]:
    """Yield what our own classes have: private data that is set, and private methods."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name, ctx=ast.Store()) if _is_private(name):
                yield name
    yield from (method.name for method in _methods(tree) if _is_private(method.name))


def _of_kin(trees: Iterable[ast.AST]) -> Iterator[str]:
    """Yield what classes with parents or heirs speak of: kin must mean the same by it."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    parents = {name for each in classes for base in each.bases for name in _named(base)}
    for each in classes:
        if each.bases or each.name in parents:
            yield from _spoken(each)


def _globals(tree: ast.Module) -> Iterator[str]:
    """Yield private names that a module gives at its top, and that mean nothing else in it."""
    inner = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.Lambda)
        for each in ast.walk(node)
        for name in _bound(each)
    }
    for node in tree.body:
        names = [node.name] if isinstance(node, _Defined) else _set(node)
        yield from (name for name in names if _is_private(name) and name not in inner)


def _set(node: ast.AST) -> Iterator[str]:
    targets = node.targets if isinstance(node, ast.Assign) else []
    for target in targets:
        yield from (each.id for each in ast.walk(target) if isinstance(each, ast.Name))


def _bound(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
            yield name


def _said(tree: ast.AST) -> Iterator[str]:
    """Yield what has to be found by its name: text, keywords, imports, variables of a class."""
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)):
                yield text
            case ast.keyword(arg=str(name)) | ast.alias(name=name):
                yield name
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                yield from names
            case ast.ClassDef(body=body):
                yield from chain.from_iterable(_set(each) for each in body)


def _every(tree: ast.AST) -> Iterator[str]:
    """Yield every name that a source knows."""
    yield from _said(tree)
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.Name(id=name):
                yield name
            case ast.Attribute(attr=name):
                yield name


def _named(base: ast.expr) -> Iterator[str]:
    """Yield the name of a class that another one extends."""
    match base:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            yield name
