# SPDX-License-Identifier: MIT
"""The one reader of TOML files: whatever is wrong is an InputError `FILE, line N: key: what`.

Numbers are bounded and finite, and whole numbers never pass through a float, so that a seed stays
exact. Nesting is bounded too. A byte order mark is accepted.
"""

import json
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from dataclasses import MISSING, dataclass, fields
from datetime import date
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from crowdcharge.errors import InputError
from crowdcharge.escaping import shortened, shown
from crowdcharge.toml_table.lines import Place, lines_of, too_deep

T = TypeVar("T")
Range = tuple[float, float]  # least and most, both allowed

NUMBER_MAX = 1e15  # of a number that has no range of its own
INTEGER_MAX = 2**63 - 1  # TOML's own bound
NESTING_MAX = 32
_KINDS: dict[Any, str] = {
    int: "a whole number", float: "a number", str: "a string", bool: "true or false",
    Path: "a path", date: "a date", list: "a list", dict: "a table",
}  # fmt: skip


@dataclass(frozen=True)
class _Source:
    name: str
    text: str

    @cached_property
    def _lines(self) -> dict[Place, int]:
        return lines_of(self.text)

    def error(self, place: Place, what: str) -> InputError:
        """Make an error with the line of the place, or of the nearest table around it."""
        found = place
        while found not in self._lines:
            found = found[:-1]
        key = _shown_place(place)
        return self.error_at(self._lines[found], f"{key}: {what}" if key else what)

    def error_at(self, line: int, what: str) -> InputError:
        return InputError(f"{self.name}, line {line}: {what}")

    def document(self) -> dict[str, Any]:
        if line := too_deep(self.text, NESTING_MAX):
            raise self.error_at(line, f"is nested more than {NESTING_MAX} deep")
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            what, _, where = str(error).partition(" (at ")
            what = shortened(what, 200)  # a name in it may be of any length
            found = re.match(r"line (\d+), (column \d+)", where)
            if found:
                raise self.error_at(int(found[1]), f"{what} at {found[2]}") from None
            raise self.error_at(self.text.count("\n") + 1, f"{what} at the end") from None
        except ValueError:  # Python's own limit, see sys.set_int_max_str_digits
            digits = re.search(r"\d[\d_]{4000,}", self.text)
            line = self.text.count("\n", 0, digits.start() if digits else 0) + 1
            raise self.error_at(line, "a number has too many digits") from None


class Table:
    """A table of a TOML file that is read key by key and says where a wrong value stands."""

    def __init__(self, values: dict[str, Any], source: _Source, place: Place = ()) -> None:
        self._values, self._source, self._place = values, source, place

    @classmethod
    def parse(cls, text: str, name: str) -> "Table":
        """Read the whole file; `name` is what errors call it."""
        source = _Source(name, text.removeprefix("\ufeff").replace("\r\n", "\n"))
        values = source.document()
        for place, value in _values((), values):
            if len(place) > NESTING_MAX:
                raise source.error(place, f"is nested more than {NESTING_MAX} deep")
            if type(value) is int and abs(value) > INTEGER_MAX:
                raise source.error(place, "must be a number of at most 64 bits")
            if type(value) is float and not isfinite(value):
                raise source.error(place, "must be a finite number")
        return cls(values, source)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __bool__(self) -> bool:
        return bool(self._values)

    def fail(self, key: str, what: str, *within: int) -> InputError:
        """Make the error to raise; `within` are positions in the array that is the key's value."""
        place = (*self._place, key, *within) if key else self._place
        return self._source.error(place, what)

    def changed(self, values: Mapping[str, Any]) -> "Table":
        """Return the table with other values at dotted keys (`link.power_W`), also at new ones."""
        changed = deepcopy(self._values)
        for key, value in values.items():
            *way, last = key.split(".")
            inner = changed
            for part in way:
                inner = inner.setdefault(part, {})
                if not isinstance(inner, dict):
                    raise self.fail(part, f"is no table, so it has no {key}")
            inner[last] = value
        return Table(changed, self._source, self._place)

    def only(self, known: Collection[str]) -> None:
        """Refuse any other key."""
        for key in self._values:
            if key not in known:
                raise self.fail(key, f"unknown key; known are {', '.join(sorted(known))}")

    def raw(self, key: str, default: Any = None) -> Any:
        """Return the value as it is."""
        return self._values.get(key, default)

    def values(self) -> dict[str, Any]:
        return dict(self._values)

    def number(
        self,
        key: str,
        default: float | None = None,
        least: float = -NUMBER_MAX,
        most: float = NUMBER_MAX,
    ) -> float:
        if key not in self and default is not None:
            return float(default)
        return self.checked(key, self._needed(key), least, most)

    def checked(
        self, key: str, value: Any, least: float = -NUMBER_MAX, most: float = NUMBER_MAX
    ) -> float:
        """Return a number of the key's value, which may be an array."""
        number: float = self._value((key,), float, value, (least, most))
        return number

    def integer(self, key: str, default: int | None, least: int, most: int) -> int:
        if key not in self and default is not None:
            return default
        number: int = self._value((key,), int, self._needed(key), (least, most))
        return number

    def span(self, key: str, default: Any, least: float, most: float) -> tuple[float, float]:
        """Return a number, or [low, high] to draw from."""
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
            raise self.fail(key, f"must be {wanted}, not {shown(value)}")
        return value

    def table(self, key: str) -> "Table":
        value = self._values.get(key, {})
        if not isinstance(value, dict):
            raise self.fail(key, "must be a table")
        return Table(value, self._source, (*self._place, key))

    def tables(self, key: str) -> list["Table"]:
        value = self._values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise self.fail(key, f"must be [[{key}]] tables")
        place = (*self._place, key)
        return [Table(each, self._source, (*place, index)) for index, each in enumerate(value)]

    def slots(self, key: str) -> list[list["Table"]]:
        """Return slots of pairs, [[[1, 2], [3, 4]], []]; each pair as `pairs` has it."""
        slots = self._needed(key)
        if not isinstance(slots, list) or not all(isinstance(slot, list) for slot in slots):
            raise self.fail(key, "must be a list of slots, each a list of pairs: [[[1, 2]], []]")
        return [self._pairs(slot, (key, index)) for index, slot in enumerate(slots)]

    def pairs(self, key: str) -> list["Table"]:
        """Return pairs, [[1, 2], [3, 4]]: each is a table with the key `boards`.

        A pair may also be written as that table, with more keys: { boards = [1, 2], ... }.
        """
        pairs = self._needed(key)
        if not isinstance(pairs, list):
            raise self.fail(key, "must be a list of pairs: [[1, 2]]")
        return self._pairs(pairs, (key,))

    def _pairs(self, pairs: list[Any], at: Place) -> list["Table"]:
        values = [pair if isinstance(pair, dict) else {"boards": pair} for pair in pairs]
        place = (*self._place, *at)
        return [Table(each, self._source, (*place, index)) for index, each in enumerate(values)]

    def pair(self) -> tuple[int, int]:
        """Return the two board numbers of one of the `slots`."""
        boards: Any = self._values.get("boards")
        good = isinstance(boards, list) and [type(board) for board in boards] == [int, int]
        if not good or boards[0] == boards[1]:
            raise self.fail("", f"a pair is two different board ids, not {shown(boards)}")
        return boards[0], boards[1]

    def record(self, kind: type[T], ranges: Mapping[str, Range] | None = None, **given: Any) -> T:
        """Make a dataclass whose fields are the keys; types and ranges are checked.

        `given` fields are not read but taken as they are. A field without a default must be there.
        """
        hints = get_type_hints(kind)
        self.only(hints)
        values = dict(given)
        for item in fields(kind):  # type: ignore[arg-type]  # the callers' kinds are dataclasses
            key, limits = item.name, (ranges or {}).get(item.name)
            if key in self and key not in given:
                values[key] = self._value((key,), hints[key], self._values[key], limits)
            elif key not in given and item.default is MISSING and item.default_factory is MISSING:
                raise self.fail(key, "is missing")
        return kind(**values)

    def _needed(self, key: str) -> Any:
        if key not in self:
            raise self.fail(key, "is missing")
        return self._values[key]

    def _value(self, at: Place, hint: Any, value: Any, limits: Range | None = None) -> Any:
        """Check a value against a field's type and convert it; `at` is its place in this table."""
        if hint is Any:
            return value
        origin: Any = get_origin(hint) or hint
        inner: tuple[Any, ...] = get_args(hint)
        if origin is Literal:
            self._check(value in inner, at, f"one of {', '.join(inner)}", value)
        elif issubclass(origin, Mapping):
            self._check(isinstance(value, dict), at, _KINDS[dict], value)
            return {key: self._value((*at, key), inner[1], value[key]) for key in value}
        elif origin is list:
            self._check(isinstance(value, list), at, _KINDS[list], value)
            return [self._value((*at, k), inner[0], each) for k, each in enumerate(value)]
        elif origin in {int, float}:
            return self._number(at, origin, value, limits)
        elif origin is Path:
            self._check(isinstance(value, str) and "\0" not in value, at, _KINDS[Path], value)
            return Path(value)
        else:
            self._check(type(value) is origin, at, _KINDS[origin], value)
        return value

    def _number(self, at: Place, kind: Any, value: Any, limits: Range | None) -> Any:
        whole = type(value) is float and value.is_integer() and abs(value) < 2**53
        good = type(value) in {int, float} if kind is float else type(value) is int or whole
        self._check(good, at, _KINDS[kind], value)
        bound = NUMBER_MAX if kind is float else INTEGER_MAX
        least, most = limits or (-bound, bound)
        if not least <= value <= most:
            self._check(False, at, f"{_shown_limit(least)} to {_shown_limit(most)}", value)
        return kind(value)

    def _check(self, good: bool, at: Place, wanted: str, value: Any) -> None:
        if not good:
            place = (*self._place, *at)
            raise self._source.error(place, f"must be {wanted}, not {shown(value)}")


def written(value: str | bool | float | list[float] | tuple[str, ...]) -> str:
    """Return a value as a TOML file has it: JSON, whose \\u of half a character TOML lacks."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _values(place: Place, value: Any) -> Iterator[tuple[Place, Any]]:
    """Every value in the file with its place, tables and arrays before what is in them."""
    yield place, value
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _values((*place, key), each)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _values((*place, index), each)


def _shown_limit(limit: float) -> str:
    return str(limit) if isinstance(limit, int) else f"{limit:g}"


def _shown_place(place: Place) -> str:
    """boards[1].soc_pct; a key that needs quotes is shown with them, always on one line."""
    parts = (
        f"[{part}]" if isinstance(part, int) else "." + (part if _bare(part) else shown(part))
        for part in place
    )
    return "".join(parts).removeprefix(".")


def _bare(key: str) -> bool:
    return re.fullmatch(r"[\w-]{1,60}", key) is not None
