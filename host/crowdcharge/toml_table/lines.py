# SPDX-License-Identifier: MIT
"""Find the line of every key and array element in a TOML text, which tomllib does not tell."""

import re
import tomllib
from bisect import bisect

Place = tuple[str | int, ...]  # keys and positions in arrays, from the top of the file

_STRINGS = (
    r'"""(?:\\.|[^\\])*?"{3,5}', r"'''.*?'{3,5}", r'"(?:\\.|[^"\\\n])*"', r"'[^'\n]*'",
)  # fmt: skip
_STRING = re.compile("|".join(_STRINGS), re.DOTALL)
_BRACKET = re.compile("|".join((*_STRINGS, r"#[^\n]*", r"[\[\]{}]")), re.DOTALL)
_BLANK = re.compile(r"(?:[\s,]|#[^\n]*)*")
_KEY = re.compile(rf"(?:[\w.\- \t]|{_STRINGS[2]}|{_STRINGS[3]})+")
_SCALAR = re.compile(r"[^,\]}#\n]+")


def too_deep(text: str, depth_max: int) -> int | None:
    """Return the line of the first bracket nested deeper than `depth_max`, if there is one."""
    depth = 0
    for match in _BRACKET.finditer(text):
        depth += (match[0] in {"[", "{"}) - (match[0] in {"]", "}"})
        if depth > depth_max:
            return text.count("\n", 0, match.start()) + 1
    return None


def lines_of(text: str) -> dict[Place, int]:
    """Return the line of each place in a text that tomllib accepts; a table's is its header's."""
    return _Scanner(text).document()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self._lines: dict[Place, int] = {(): 1}
        self._sizes: dict[Place, int] = {}  # elements so far of each array of tables

    def document(self) -> dict[Place, int]:
        table: Place = ()
        while self._next():
            if self._next() == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._lines

    @property
    def _line(self) -> int:
        return bisect(self._ends, self._at) + 1

    def _next(self) -> str:
        """Return the next character that is no blank, comma or comment; empty at the end."""
        self._take(_BLANK)
        return self._text[self._at : self._at + 1]

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at + 1
        return match[0] if match else ""

    def _header(self) -> Place:
        """Read [table] or [[array of tables]]; an array on the way stands for its last table."""
        line, array = self._line, self._text.startswith("[[", self._at)
        self._at += 2 if array else 1
        parts = _parts(self._take(_KEY))
        self._at += 2 if array else 1
        place: Place = ()
        for number, part in enumerate(parts, 1):
            place = (*place, part)
            if array and number == len(parts):
                self._sizes[place] = self._sizes.get(place, 0) + 1
            self._lines.setdefault(place, line)
            if place in self._sizes:
                place = (*place, self._sizes[place] - 1)
        self._lines[place] = line
        return place

    def _pair(self, table: Place) -> None:
        line = self._line
        place = table
        for part in _parts(self._take(_KEY)):
            place = (*place, part)
            self._lines.setdefault(place, line)
        self._at += 1  # the equals sign
        self._lines[place] = line
        self._value(place)

    def _value(self, place: Place) -> None:
        first = self._next()
        if first == "[":
            self._array(place)
        elif first == "{":
            self._at += 1
            while self._next() != "}":
                self._pair(place)
            self._at += 1
        else:
            self._take(_STRING if first in {'"', "'"} else _SCALAR)

    def _array(self, place: Place) -> None:
        self._at += 1
        number = 0
        while self._next() != "]":
            self._lines[*place, number] = self._line
            self._value((*place, number))
            number += 1
        self._at += 1


def _parts(key: str) -> list[str]:
    """Return the names in a dotted key; tomllib itself reads what is quoted."""
    parts, table = [], tomllib.loads(f"{key}=0")
    while isinstance(table, dict):
        ((name, table),) = table.items()
        parts.append(name)
    return parts
