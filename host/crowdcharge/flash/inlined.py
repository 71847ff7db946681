# SPDX-License-Identifier: MIT
"""PURE: puts the firmware's whole-number constants where they are used.

A board's VM keeps the name of each constant in memory for ever, and again as a key of its module.
What a board gets has the numbers in place, and no such names.
"""

import ast
import operator
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from crowdcharge.flash.edits import Edit, edited, parsed

_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.LShift: operator.lshift,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
}

# What a name stands for: (module, its name there); "" there is the module itself.
Origin = tuple[str, str]
Values = Mapping[Origin, int]


def inlined(sources: Mapping[str, str]) -> dict[str, str]:
    """Return the sources, by the same dotted names, with their constants in place.

    A module that is handed on as a whole, as in `dir(ept)`, keeps its constants, for whoever asks
    for them by names that are data. SyntaxError: a source is none.
    """
    parts = [_Part.of(name, text, sources.keys()) for name, text in sources.items()]
    values = _values(parts)
    whole = {origin for part in parts for origin in part.handed_on()}
    asked = {origin for part in parts for origin in part.origins.values()}
    placed = {part.name: edited(sources[part.name], part.numbers(values, whole)) for part in parts}
    return {
        part.name: edited(placed[part.name], part.idle_imports(placed[part.name], asked))
        for part in parts
    }


def _values(parts: Iterable["_Part"]) -> Values:
    """Return every constant; one may be made of others, of any module."""
    values: dict[Origin, int] = {}
    while True:
        known = len(values)
        for part in parts:
            for local, node in part.assigned.items():
                number = part.number(node.value, values)
                if number is not None:
                    values[part.name, local] = number
            for local, origin in part.origins.items():  # who imports a constant has it, too
                if origin in values:
                    values[part.name, local] = values[origin]
        if len(values) == known:
            return values


@dataclass(frozen=True, slots=True)
class _Part:
    """One source. `origins`: what its names stand for, of those that stand for one thing only;
    `assigned`: what is set once, at the top; `unsure`: what the other names may stand for.
    """

    name: str
    tree: ast.Module
    origins: Mapping[str, Origin]
    assigned: Mapping[str, ast.Assign]
    unsure: Collection[Origin]

    @classmethod
    def of(cls, name: str, text: str, ours: Collection[str]) -> "_Part":
        tree = parsed(text, f"{name.replace('.', '/')}.py")
        found = defaultdict(list)
        methods = {id(each) for node in ast.walk(tree) for each in _methods(node)}
        for node in ast.walk(tree):
            for local, origin in _bound(node, ours) if id(node) not in methods else ():
                found[local].append(origin or (name, local))
        assigned = {
            node.targets[0].id: node
            for node in tree.body
            if isinstance(node, ast.Assign)
            and len(node.targets) == 1
            and isinstance(node.targets[0], ast.Name)
            and len(found[node.targets[0].id]) == 1
        }
        origins = {local: each[0] for local, each in found.items() if len(set(each)) == 1}
        unsure = {origin for local in found.keys() - origins for origin in found[local]}
        return cls(name, tree, origins, assigned, unsure)

    def origin(self, node: ast.AST) -> Origin | None:
        """Return what a name, or a name of a module, stands for."""
        match node:
            case ast.Name(id=local):
                return self.origins.get(local)
            case ast.Attribute(value=ast.Name(id=local), attr=name):
                module, inner = self.origins.get(local, ("", local))
                return None if inner else (module, name)
        return None

    def number(self, node: ast.expr, values: Values) -> int | None:
        """Return the whole number that an expression always is, or None."""
        match node:
            case ast.Constant(value=int(number)) if not isinstance(number, bool):
                return number
            case ast.Call(func=ast.Name(id="const"), args=[inner]):
                return self.number(inner, values)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                positive = self.number(inner, values)
                return None if positive is None else -positive
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                one, other = self.number(left, values), self.number(right, values)
                return None if one is None or other is None else _OPERATORS[type(op)](one, other)
        origin = self.origin(node)
        return None if origin is None else values.get(origin)

    def handed_on(self) -> Iterator[Origin]:
        """Yield what must keep its name: modules used as a whole, and what only may be meant."""
        yield from self.unsure
        for node in _outside_attributes(self.tree):
            module, inner = self.origin(node) or ("", "")
            if module and not inner:
                yield module, inner

    def numbers(self, values: Values, whole: set[Origin]) -> Iterator[Edit]:
        """Yield a number for each use of a constant, and the end of what defines no other."""
        done: set[int] = set()
        for local, definition in self.assigned.items():
            if (self.name, local) in values:
                done |= {id(each) for each in ast.walk(definition)}
                if not {(self.name, ""), (self.name, local)} & whole:
                    yield Edit.of(definition, "pass")
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                number = self.number(node, values)
                if number is not None and id(node) not in done:
                    yield Edit.of(node, str(number) if number >= 0 else f"({number})")

    def idle_imports(self, text: str, asked: Collection[Origin]) -> Iterator[Edit]:
        """Import no longer what was used and is not used in `text`, nor asked for from here."""
        tree = parsed(text)
        idle = _used(self.tree) - _used(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [each.name for each in node.names]
                left = [name for name in names if name not in idle or (self.name, name) in asked]
                if left != names:
                    whence = f"from {node.module} " if isinstance(node, ast.ImportFrom) else ""
                    yield Edit.of(node, f"{whence}import {', '.join(left)}" if left else "pass")


def _outside_attributes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that are not `x` in `x.name`."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(node, ast.Attribute) and isinstance(child, ast.Name)):
            yield from _outside_attributes(child)


def _used(tree: ast.AST) -> set[str]:
    nodes = ast.walk(tree)
    return {each.id for each in nodes if isinstance(each, ast.Name) and not _is_set(each)}


def _is_set(node: ast.Name) -> bool:
    return not isinstance(node.ctx, ast.Load)


def _methods(node: ast.AST) -> list[ast.stmt]:
    """Return the functions whose names no other code sees without an object."""
    body = node.body if isinstance(node, ast.ClassDef) else []
    return [each for each in body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]


def _bound(node: ast.AST, ours: Collection[str]) -> Iterator[tuple[str, Origin | None]]:
    """Yield what a node gives a name to: (name, where that comes from; None: from here)."""
    match node:
        case ast.Import(names=names):
            yield from ((each.name, (each.name, "")) for each in names)
        case ast.ImportFrom(module=str(module), names=names):
            for each in names:
                whole = f"{module}.{each.name}"
                yield each.name, (whole, "") if whole in ours else (module, each.name)
        case ast.Name(id=local) if _is_set(node):
            yield local, None
        case ast.arg(arg=local) | ast.ExceptHandler(name=str(local)):
            yield local, None
        case ast.FunctionDef(name=local) | ast.AsyncFunctionDef(name=local):
            yield local, None
        case ast.ClassDef(name=local):
            yield local, None
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            yield from ((each, None) for each in names)
