# SPDX-License-Identifier: MIT
"""A grammar of the mistakes that people, editors, spreadsheets and exporters make in files."""

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

NUMBERS = (
    "0", "-1", "5", "7.5", "7,5", "1e3", "1e308", "1e999", "nan", "inf", "1_0", "0x10", "٣",
    "1.234,5", "1,234.5", "1'234", "\u22125", "5kW", '"5"', "true", "5e-324", "-0.0",
    "1700000000000", "9" * 400, "1" + "0" * 5000,
)  # fmt: skip
TIMES = (
    "08:00:00", "25:61:00", "2024-05-01T10:00:00Z", "2024-02-30", "01.05.2024 10:00", "", "null",
)  # fmt: skip
WORDS = ("CONN", "up", "down", "UP", "C", "ann", "Zoë", "a b", "n4", "03", '"', "'", "x" * 300)
HEADERS = (
    "", "trip_id,arrival_time,departure_time,stop_id", "sent_W,received_W", "0 9 0 9 0 9 0 9",
    "timestamp,user_a,user_b,rssi", "a,b,start,end", "a,a,a", "# a remark", "% sym", "sep=;",
)  # fmt: skip
TOML_VALUES = (
    "0", "-1", "1e308", "inf", "nan", "9" * 400, "true", '"x"', "'\\'", "[]", "[[]]", "{}",
    "[1, 2]", "[[1, 2]]", "[[[1, 2]]]", "[[1, 1, 0, 1]]", "{ a = 1 }", "1_0", "0x1p3", "", "1979",
    "1979-05-27", "[" * 40 + "]" * 40, "{ a = " * 40, '"""', "9223372036854775808", '"\\ud800"',
    '"../keys.toml"', '"a\\u0000b"', "'none-such'", "[1, 'x', 2.5]", "70000",
)  # fmt: skip
JSON_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 2.5, 1e308, float("nan"), float("inf"), 10**400, "", "x", "\0", [], [[]],
    {}, {"a": 1}, [None], "9" * 400, [0, 1], -(2**63), "\ud800", "é" * 300,
)  # fmt: skip


def _lines(text: str, rng: Random, change: Callable[[list[str], int], None]) -> str:
    lines = text.splitlines(keepends=True) or [""]
    change(lines, rng.randrange(len(lines)))
    return "".join(lines)


def _swapped(lines: list[str], at: int) -> None:
    lines[at], lines[0] = lines[0], lines[at]


# What happens to a text, whatever is in it.
TEXT_MISTAKES: tuple[Callable[[str, Random], str], ...] = (
    lambda text, _: text,
    lambda text, _: text,
    lambda text, _: "\ufeff" + text,
    lambda text, _: text.replace("\n", "\r\n"),
    lambda text, _: text.replace("\n", "\r"),
    lambda text, _: text.replace("1", "\0", 1),
    lambda text, rng: text[: rng.randrange(len(text) + 1)],
    lambda text, rng: text[rng.randrange(len(text) + 1) :],
    lambda text, _: text.replace("\n", " ") * 40,
    lambda text, _: text.replace("\n", ";;;\n"),
    lambda text, _: "[" * 3000 + text,
    lambda text, _: '{"a":' * 3000 + text,
    lambda text, _: "<a>" + text,
    lambda text, _: text + text,
    lambda text, _: text + "\x1b[31m\n",
    lambda text, _: text.replace("1", '"1', 1),
    lambda text, _: text.replace('"', "”"),
    lambda text, _: re.sub(r'("\w+": )', r"\g<1>0, \g<1>", text, count=1),
    lambda text, rng: re.sub("[0-9]+", rng.choice(NUMBERS), text, count=1),
    lambda text, rng: text.replace("e", rng.choice("\u2028\x0b\x85\u00a0\u202e"), 1),
    lambda text, _: text.replace(",", ";").replace(".", ","),
    lambda text, rng: _lines(text, rng, lambda lines, at: lines.pop(at)),
    lambda text, rng: _lines(text, rng, lambda lines, at: lines.insert(at, lines[at])),
    lambda text, rng: _lines(text, rng, _swapped),
    lambda _, rng: chr(rng.randrange(0x250)) * rng.randrange(9),
)

# How a text becomes bytes: mostly as it should.
ENCODINGS: tuple[Callable[[str], bytes], ...] = (
    *[lambda text: text.encode("utf-8", "replace")] * 12,
    lambda text: text.encode("utf-16", "replace"),
    lambda text: text.encode("utf-16-le", "replace"),
    lambda text: b"\xef\xbb\xbf" * 2 + text.encode("utf-8", "replace"),
    lambda text: text.encode("latin-1", "replace"),
    lambda text: b"\x1f\x8b" + text.encode("utf-8", "replace"),
    lambda text: text.encode("utf-8", "replace") + b"\xff\xfe\x80",
)


def spoiled(text: str, rng: Random) -> bytes:
    """Do what happens to files on their way, up to twice, and encode them."""
    for _ in range(rng.randrange(3)):
        text = rng.choice(TEXT_MISTAKES)(text, rng)
    return rng.choice(ENCODINGS)(text)


def table(good: str, rng: Random) -> str:
    """Put strange cells into a good table, or rows of some other one, and separate it anew."""
    lines = good.splitlines()
    for _ in range(rng.randrange(3)):
        at = rng.randrange(len(lines))
        cells = re.split(r"([ ,])", lines[at])
        cells[rng.randrange(0, len(cells), 2)] = rng.choice(NUMBERS + TIMES + WORDS)
        lines[at] = rng.choice(["".join(cells), "".join(cells), rng.choice(HEADERS)])
    text = "\n".join(lines) + "\n"
    return re.sub("[ ,]", rng.choice(",;\t |"), text) if rng.random() < 0.2 else text


def toml(good: str, rng: Random) -> str:
    """Give keys of a good file other values or names, or leave them out."""
    lines = good.splitlines()
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(lines))
        key, equals, value = lines[at].partition(" = ")
        change = rng.randrange(4)
        if not equals or change == 0:
            lines[at] = rng.choice(["", "[x]", "[[boards]]", "x = 1", lines[at] + "x"])
        elif change == 1:
            lines[at] = f"{key}{rng.choice('_xé. ')} = {value}"
        elif change == 2 and re.search(r"\d", value):
            lines[at] = f"{key} = {re.sub(r'[0-9]+', rng.choice(NUMBERS), value, count=1)}"
        else:
            lines[at] = f"{key} = {rng.choice(TOML_VALUES)}"
    return "\n".join(lines) + "\n"


def json_text(good: str, rng: Random) -> str:
    """Put other values at places of a good document, or leave them out."""
    document = json.loads(good)
    for _ in range(rng.randrange(1, 4)):
        document = _changed(document, rng)
    return json.dumps(document, indent=rng.choice([None, 1]))


def _changed(value: Any, rng: Random) -> Any:
    if not isinstance(value, dict | list) or not value or rng.random() < 0.15:
        return rng.choice(JSON_VALUES)
    copy: Any = value.copy()
    at: Any = rng.choice(list(copy)) if isinstance(copy, dict) else rng.randrange(len(copy))
    if rng.random() < 0.15:
        del copy[at]
    elif isinstance(copy, dict) and rng.random() < 0.1:
        copy[f"{at}x"] = copy.pop(at)
    else:
        copy[at] = _changed(copy[at], rng)
    return copy


def json_lines(good: str, rng: Random) -> str:
    """Change one document of a file that has one a line."""
    lines = good.splitlines()
    at = rng.randrange(len(lines))
    lines[at] = json_text(lines[at], rng).replace("\n", " ")
    return "\n".join(lines) + "\n"
