# SPDX-License-Identifier: MIT
"""PURE: lines of a table as people's programs write them, and the error that names a line.

Fields stand between semicolons, tabs, commas or blanks; which of them, the first line says. A byte
order mark, carriage returns, quotes, decimal commas, empty fields at the end, blank lines and
lines that begin with # or % are taken as they come.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from math import isfinite

from crowdcharge.errors import InputError
from crowdcharge.escaping import shortened

LINES_MAX = 6_000_000
LINE_LENGTH_MAX = 10_000
FIELDS_MAX = 200
_SIZE_MAX = 1e100  # of a number: what can still be added and multiplied
SEPARATORS = (";", "\t", ",", None)  # None: blanks
COMMENTS = ("#", "%")

_NUMBER = re.compile(r"[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)([eE][+-]?[0-9]+)?")


class TextRow:
    """The fields of one line, and the error that names it."""

    def __init__(self, name: str, number: int, fields: list[str]) -> None:
        self.name, self.number, self.fields = name, number, fields

    def fail(self, text: str) -> InputError:
        return InputError(f"{self.name}, line {self.number}: {text}")

    def expect(self, good: bool, text: str) -> None:
        if not good:
            raise self.fail(text)

    def text_at(self, index: int) -> str:
        self.expect(index < len(self.fields), f"has no column {index + 1}")
        return self.fields[index]

    def number_at(self, index: int) -> float:
        text = self.text_at(index)
        value = float(text.replace(",", ".")) if _NUMBER.fullmatch(text) else float("nan")
        self.expect(isfinite(value), f'"{shown(text)}" is not a number')
        self.expect(abs(value) <= _SIZE_MAX, f'"{shown(text)}" is too large')
        return value

    def integer_at(self, index: int) -> int:
        value = self.number_at(index)
        self.expect(value == int(value), f'"{shown(self.fields[index])}" is not a whole number')
        return int(value)

    def moment_at(self, index: int) -> float:
        """Return an ISO date and time as s since 1970; without a zone it is taken as UTC."""
        text = self.text_at(index)
        try:
            moment = datetime.fromisoformat(text)
            zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return zoned.timestamp()
        except (ValueError, OverflowError):
            what = f'"{shown(text)}" is neither a number nor an ISO date and time'
            raise self.fail(what) from None

    def time_at(self, index: int) -> float:
        """Return a time in s: a number, or a date and time as `moment_at`."""
        return self.moment_at(index) if is_moment(self.text_at(index)) else self.number_at(index)

    @property
    def is_header(self) -> bool:
        """True if no field is a number or a date."""
        return not any(_NUMBER.fullmatch(field) or is_moment(field) for field in self.fields)


def is_moment(text: str) -> bool:
    return bool(re.match(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}([T ]|$)", text))


def lines_of(text: str) -> list[str]:
    """Cut a text into lines, whichever line ends it has."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def rows_of(lines: Iterable[str], name: str, least: int) -> Iterator[TextRow]:
    """Yield the lines that hold something, cut into fields; a row has `least` fields or more."""
    separator: str | None = None
    first = True
    for number, line in enumerate(lines, 1):
        if number > LINES_MAX:
            raise InputError(f"{name}, line {number}: more than {LINES_MAX} lines")
        text = line.removeprefix("\ufeff").strip("\r\n").replace("\r", " ")
        if not is_row(text):
            continue
        if len(text) > LINE_LENGTH_MAX:
            raise InputError(f"{name}, line {number}: longer than {LINE_LENGTH_MAX} characters")
        if "\0" in text:
            raise InputError(f"{name}, line {number}: a NUL character; this is not a text file")
        if first:
            separator, first = separator_of(text, least), False
        yield TextRow(name, number, fields_of(text, separator)[:FIELDS_MAX])


def table_of(
    text: str, name: str, columns: Sequence[str]
) -> tuple[dict[str, int], Iterator[TextRow]]:
    """Return where each of the columns is, and the rows below the header that names them."""
    rows = rows_of(lines_of(text), name, len(columns))
    header = next(rows, None)
    if header is None:
        raise InputError(f"{name}: holds no table")
    return dict(zip(columns, positions(header, columns), strict=True)), rows


def is_row(line: str) -> bool:
    """Tell a row of the table from a blank line and from a remark."""
    text = line.strip()
    return bool(text) and not text.startswith(COMMENTS)


def separator_of(text: str, least: int) -> str | None:
    """Choose the first separator that makes `least` fields of a line, or else the most fields."""
    counts = {each: len(fields_of(text, each)) for each in SEPARATORS}
    enough = [each for each, count in counts.items() if count >= least]
    return enough[0] if enough else max(counts, key=lambda each: counts[each])


def fields_of(text: str, separator: str | None) -> list[str]:
    if separator is None:
        fields = [field.strip('"') for field in text.split()]
    elif '"' in text:
        fields = next(csv.reader([text], delimiter=separator, skipinitialspace=True))
    else:
        fields = text.split(separator)
    fields = [field.strip() for field in fields]
    while fields and not fields[-1]:
        fields.pop()
    return fields


def positions(header: TextRow, names: Sequence[str]) -> list[int]:
    """Find these columns in a header, whatever their case; InputError names what is missing."""
    found = [field.lower() for field in header.fields]
    where = []
    for name in names:
        known = f"the columns are {shown(', '.join(header.fields))}"
        header.expect(found.count(name.lower()) > 0, f'no column "{shown(name)}"; {known}')
        header.expect(found.count(name.lower()) < 2, f'two columns "{shown(name)}"; {known}')
        where.append(found.index(name.lower()))
    return where


def shown(text: str) -> str:
    """Cut a text that a message repeats, and escape what no terminal should get."""
    short = shortened(text)
    return short if short.isprintable() else ascii(short)[1:-1]
