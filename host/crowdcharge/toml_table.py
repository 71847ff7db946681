# SPDX-License-Identifier: MIT
"""A TOML table that is read key by key and says where a wrong value stands."""

import re
import tomllib
from collections.abc import Collection
from math import inf
from typing import Any

from crowdcharge.errors import InputError


class Table:
    """Errors read `file:line: table.key: what`; the line is found by the key's name."""

    def __init__(
        self, values: dict[str, Any], name: str, lines: list[str], path: str = ""
    ) -> None:
        self._values, self._name, self._lines, self._path = values, name, lines, path

    @classmethod
    def parse(cls, text: str, name: str) -> "Table":
        try:
            return cls(tomllib.loads(text), name, text.splitlines())
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"{name}: {error}") from None

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def fail(self, key: str, text: str) -> InputError:
        path = ".".join(part for part in (self._path, key) if part)
        return InputError(f"{self._name}:{self._line(key)}: {path}: {text}")

    def only(self, known: Collection[str]) -> None:
        """Refuses any other key."""
        for key in self._values:
            if key not in known:
                raise self.fail(key, f"unknown key; known are {', '.join(sorted(known))}")

    def raw(self, key: str) -> Any:
        return self._values.get(key)

    def number(
        self, key: str, default: float | None = None, least: float = -inf, most: float = inf
    ) -> float:
        value = self._values.get(key, default)
        if value is None:
            raise self.fail(key, "is missing")
        return self.checked(key, value, least, most)

    def checked(self, key: str, value: Any, least: float = -inf, most: float = inf) -> float:
        if type(value) not in (int, float) or not least <= value <= most:
            wanted = "a number" if (least, most) == (-inf, inf) else f"{least:g} to {most:g}"
            raise self.fail(key, f"must be {wanted}, not {value!r}")
        return float(value)

    def integer(self, key: str, default: int | None, least: int, most: int) -> int:
        value = self.number(key, default, least, most)
        if value != int(value):
            raise self.fail(key, f"must be a whole number, not {value!r}")
        return int(value)

    def span(self, key: str, default: Any, least: float, most: float) -> tuple[float, float]:
        """A number, or [low, high] to draw from."""
        value = self._values.get(key, default)
        ends = value if isinstance(value, list) and len(value) == 2 else [value, value]
        low, high = (self.checked(key, end, least, most) for end in ends)
        if low > high:
            raise self.fail(key, f"{low:g} is above {high:g}")
        return low, high

    def string(self, key: str, default: str, known: Collection[str] = ()) -> str:
        value = self._values.get(key, default)
        if not isinstance(value, str) or (known and value not in known):
            wanted = f"one of {', '.join(known)}" if known else "a string"
            raise self.fail(key, f"must be {wanted}, not {value!r}")
        return value

    def table(self, key: str) -> "Table":
        value = self._values.get(key, {})
        if not isinstance(value, dict):
            raise self.fail(key, "must be a table")
        return Table(value, self._name, self._lines, f"{self._path}.{key}".strip("."))

    def tables(self, key: str) -> list["Table"]:
        value = self._values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise self.fail(key, f"must be [[{key}]] tables")
        return [
            Table(each, self._name, self._lines, f"{key}[{index}]")
            for index, each in enumerate(value)
        ]

    def values(self) -> dict[str, Any]:
        return dict(self._values)

    def _line(self, key: str) -> int:
        """The key's line after the header of its table; else the header's; else 1."""
        name, index = self._path, 0
        if match := re.fullmatch(r"(.*)\[(\d+)\]", self._path):
            name, index = match[1], int(match[2])
        header = re.compile(rf"\s*\[+\s*{re.escape(name)}\s*\]")
        starts = [k for k, line in enumerate(self._lines) if name and header.match(line)]
        first = starts[index] if index < len(starts) else 0
        if not key:
            return first + 1
        for number, line in enumerate(self._lines[first:], first):
            if re.match(rf"\s*(\[+\s*)?{re.escape(key)}\s*(=|\])", line):
                return number + 1
            if starts and number > first and re.match(r"\s*\[", line):
                break
        return first + 1
