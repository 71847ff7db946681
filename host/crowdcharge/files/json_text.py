# SPDX-License-Identifier: MIT
"""Read JSON files that a user named: one document, within bounds, each key said once."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from crowdcharge.errors import InputError
from crowdcharge.escaping import shown
from crowdcharge.files.json_lines import deepest_line, line_of, twice_line
from crowdcharge.files.text import read_text

T = TypeVar("T")
DIGITS_MAX = 308  # more than these a double does not hold


def read_json_as(path: Path, make: Callable[[Any], T]) -> T:
    """Make something of a file's JSON document.

    InputError names the file and the line, whatever is wrong: of `make`'s own, by its place.
    """
    text = read_text(path)
    document = parsed_json(text, str(path))
    try:
        return make(document)
    except InputError as error:
        raise InputError(f"{path}, line {line_of(text, error.place)}: {error}") from None


def parsed_json(text: str, name: str) -> Any:
    """Parse one JSON document; InputError in one line for what is none, or says a key twice."""
    try:
        return _parsed(text)
    except _NotJsonError as error:
        raise InputError(f"{name}, line {error.line}: {error}") from None


def parsed_line(text: str, name: str, line: int) -> Any:
    """Parse a document that is one line of a file; InputError as `parsed_json`."""
    try:
        return _parsed(text)
    except _NotJsonError as error:
        raise InputError(f"{name}, line {line}: {error}") from None


class _NotJsonError(Exception):
    """What is wrong, and in which line of the text."""

    def __init__(self, what: str, line: int) -> None:
        super().__init__(what)
        self.line = line


class _TwiceError(Exception):
    """The key that an object has twice."""


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_only_once, parse_int=_whole)
    except json.JSONDecodeError as error:
        what = f"{error.msg} at column {error.colno}; this is not JSON"
        raise _NotJsonError(what, error.lineno) from None
    except ValueError:
        digits = re.search(rf"[0-9]{{{DIGITS_MAX},}}", text)
        line = text.count("\n", 0, digits.start() if digits else 0) + 1
        raise _NotJsonError("a number has too many digits", line) from None
    except RecursionError:
        raise _NotJsonError("is nested too deep", deepest_line(text)) from None
    except _TwiceError as error:
        key = error.args[0]
        raise _NotJsonError(
            f"the key {shown(key)} is given twice", twice_line(text, key)
        ) from None


def _only_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _TwiceError(next(key for key in keys if keys.count(key) > 1))
    return document


def _whole(text: str) -> int:
    if len(text.lstrip("-")) > DIGITS_MAX:
        raise ValueError
    return int(text)
