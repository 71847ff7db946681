# SPDX-License-Identifier: MIT
"""PURE: changes to a source that leave every line where it is."""

import ast
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True, order=True, slots=True)
class Edit:
    """Bytes of a source, from (line, column) to (line, column), and what takes their place."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str

    @classmethod
    def of(cls, node: ast.expr | ast.stmt, text: str) -> "Edit":
        """Replace a whole node; the lines that it took stay."""
        end = node.end_lineno or node.lineno, node.end_col_offset or 0
        return cls((node.lineno, node.col_offset), end, text + "\n" * (end[0] - node.lineno))

    @classmethod
    def name(cls, node: ast.Name | ast.arg, old: str, new: str) -> "Edit":
        """Replace the name of a node; a parameter's annotation stays."""
        line, column = node.lineno, node.col_offset
        return cls((line, column), (line, column + len(old)), new)

    @classmethod
    def definition(cls, node: ast.FunctionDef | ast.ClassDef, new: str) -> "Edit":
        """Replace the name of a function or class, which follows `def` or `class` and a space."""
        line = node.lineno
        column = node.col_offset + len("class " if isinstance(node, ast.ClassDef) else "def ")
        return cls((line, column), (line, column + len(node.name)), new)

    @classmethod
    def attribute(cls, node: ast.Attribute, new: str) -> "Edit":
        """Replace the last name of `object.name`."""
        line, column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return cls((line, column - len(node.attr)), (line, column), new)


def edited(source: str, edits: Iterable[Edit]) -> str:
    """Return the source after edits that do not overlap."""
    lines = source.encode().split(b"\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    text = source.encode()
    for edit in sorted(edits, reverse=True):
        start, end = (starts[line - 1] + column for line, column in (edit.start, edit.end))
        text = text[:start] + edit.text.encode() + text[end:]
    return text.decode()


def parsed(source: str, filename: str = "<source>") -> ast.Module:
    """Parse a source. SyntaxError: it is none.

    CPython 3.11 counts how deep all threads' parses are as one (gh-106905), and may so end one of
    them with SystemError, though nothing is wrong: then it is parsed again.
    """
    for _ in range(20):
        with suppress(SystemError):
            return ast.parse(source, filename)
    return ast.parse(source, filename)
