# SPDX-License-Identifier: MIT
"""Read JSON files that a user named: one document, within bounds, each key said once."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from crowdcharge.errors import InputError
from crowdcharge.files.text import TEXT_MAX_bytes, naming, read_text

T = TypeVar("T")
DIGITS_MAX = 308  # more than these a double does not hold


def read_json(path: Path, most_bytes: int = TEXT_MAX_bytes) -> Any:
    """Read a file with one JSON document; InputError in one line as `parsed_json`."""
    return parsed_json(read_text(path, most_bytes), str(path))


def read_json_as(path: Path, make: Callable[[Any], T]) -> T:
    """Make something of a file's JSON document; InputError names the file, whatever is wrong."""
    document = read_json(path)
    with naming(path):
        return make(document)


def parsed_json(text: str, name: str) -> Any:
    """Parse one JSON document; InputError in one line for what is none, or says a key twice."""
    try:
        return _parsed(text)
    except _NotJsonError as error:
        where = f", line {error.line}" if error.line else ""
        raise InputError(f"{name}{where}: {error}") from None


def parsed_line(text: str, name: str, line: int) -> Any:
    """Parse a document that is one line of a file; InputError as `parsed_json`."""
    try:
        return _parsed(text)
    except _NotJsonError as error:
        raise InputError(f"{name}, line {line}: {error}") from None


class _NotJsonError(Exception):
    """What is wrong, and in which line of the text, 0 if nobody knows."""

    def __init__(self, what: str, line: int = 0) -> None:
        super().__init__(what)
        self.line = line


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
        raise _NotJsonError("is nested too deep") from None


def _only_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _NotJsonError(f"the key {twice!r} is given twice")
    return document


def _whole(text: str) -> int:
    if len(text.lstrip("-")) > DIGITS_MAX:
        raise ValueError
    return int(text)
