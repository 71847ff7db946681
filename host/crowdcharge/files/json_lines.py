# SPDX-License-Identifier: MIT
"""Find lines in a JSON text, which the json module does not tell.

What stands behind a fault of syntax is not seen.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress

_BRACKET = re.compile(r'"(?:\\.|[^"\\])*"|[\[\]{}]', re.DOTALL)
_BETWEEN = re.compile(r"[\s,:]*")
_skip = json.JSONDecoder(parse_int=float).raw_decode  # Python bounds the digits of an int


def line_of(text: str, place: Sequence[str | int]) -> int:
    """Return the line of the key or element at a place, or of the nearest around it.

    A place has keys and positions in arrays, from the top of the document.
    """
    line_at = value_at = _after(text, 0)
    for part in place:
        found = next((each for each in _members(text, value_at) if each[0] == part), None)
        if found is None:
            break
        _, line_at, value_at = found
    return _line(text, line_at)


def twice_line(text: str, key: str) -> int:
    """Return the line in which an object says this key for the second time; 1 if none does."""
    waiting = [_after(text, 0)]
    while waiting:
        seen = False
        for name, line_at, value_at in _members(text, waiting.pop()):
            if name == key and seen:
                return _line(text, line_at)
            seen = seen or name == key
            waiting.append(value_at)
    return 1


def deepest_line(text: str) -> int:
    """Return the line of the bracket with the most around it."""
    depth, deepest = 0, (0, 0)
    for match in _BRACKET.finditer(text):
        depth += (match[0] in {"[", "{"}) - (match[0] in {"]", "}"})
        deepest = max(deepest, (depth, -match.start()))
    return _line(text, -deepest[1])


def _members(text: str, at: int) -> Iterator[tuple[str | int, int, int]]:
    """Yield the key or position, where it begins, and where its value does, of what opens here."""
    opening = text[at : at + 1]
    if opening not in {"[", "{"}:
        return
    at, number = _after(text, at + 1), 0
    with suppress(ValueError, IndexError, RecursionError):
        while text[at] not in "]}":
            begin, name = at, number
            if opening == "{":
                name, at = _skip(text, at)
                at = _after(text, at)
            yield name, begin, at
            at = _after(text, _skip(text, at)[1])
            number += 1


def _after(text: str, at: int) -> int:
    between = _BETWEEN.match(text, at)
    return between.end() if between else at


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
