# SPDX-License-Identifier: MIT
"""Whatever is wrong in a JSON file is told with its line, whoever wrote the file and how."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from crowdcharge.errors import InputError
from crowdcharge.files import read_json_as
from crowdcharge.files.json_lines import line_of
from crowdcharge.market import parse_market
from crowdcharge.market.wishes import parse_wishes
from crowdcharge.planner import Problem

LAYOUT = """
{"evs": [
    {"a": 1, "b": "]},\\"{"}, {"a":
      2}
  ],
  "\\u0061 b"
  : {"lane": []}
}
"""


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ((), 2),
        (("evs",), 2),
        (("evs", 0), 3),
        (("evs", 1, "a"), 3),
        (("evs", 2), 2),
        (("evs", 0, "none"), 3),
        (("a b",), 6),
        (("a b", "lane", 0), 7),
        ((0,), 2),
    ],
)
def test_the_line_of_a_place_or_of_the_nearest_around_it(place: Any, line: int) -> None:
    assert line_of(LAYOUT, place) == line


def test_every_place_of_documents_as_json_writes_them() -> None:
    """With one value a line, lines count the values and the brackets that close."""
    rng = Random(1)

    def grown(depth: int) -> Any:
        kind = rng.randrange(4) if depth else 3
        if kind == 0:
            return [grown(depth - 1) for _ in range(rng.randrange(4))]
        if kind == 1:
            return {rng.choice('a"\\é\n') + str(k): grown(depth - 1) for k in range(3)}
        return rng.choice([1, 2.5, None, "x, ]}", "\\"])

    for _ in range(50):
        document = [grown(4)]
        for indent in (None, 2):
            text = json.dumps(document, indent=indent)
            for place, marked in marks(document):
                line = json.dumps(marked, indent=indent).split("MARK")[0].count("\n") + 1
                assert line_of(text, place) == line


def marks(value: Any, place: tuple[str | int, ...] = ()) -> Any:
    """Yield each place with a copy of the document in which a mark is there."""
    if not isinstance(value, dict | list):
        return
    for at in value if isinstance(value, dict) else range(len(value)):
        copy: Any = value.copy()
        copy[at] = "MARK"
        yield (*place, at), copy
        for inner, marked in marks(value[at]):
            copy = value.copy()
            copy[at] = marked
            yield (*place, at, *inner), copy


PROBLEM: dict[str, Any] = {
    "e0": [90, 18, 90], "contacts": [[0, 2, 9], [0, 1, 3], [2, 1, 4]], "cycle": 50,
    "e_min": 10, "e_max": [100, 100, 100], "beta": 0.2,
}  # fmt: skip
MARKET: dict[str, Any] = {
    "evs": [{"a": 0.2, "b": 28, "e_max": 15}, {"a": 0.2, "b": 27, "e_max": 15}],
    "lane": {"a": 0.1, "b": 30, "e_min": -7}, "mode": "charge",
}  # fmt: skip
EV = {"battery": 60, "soc_pct": 40, "until_pct": 65, "price_low": 26, "price_high": 31}
WISHES: dict[str, Any] = {
    "evs": [EV, EV], "lane": {"price_low": 24, "price_high": 28, "e_min": -70}, "mode": "charge",
}  # fmt: skip


@pytest.mark.parametrize(
    ("make", "good", "place", "bad", "what"),
    [
        (Problem.from_json, PROBLEM, ("e0", 1), "18", "e0 must be a number"),
        (Problem.from_json, PROBLEM, ("contacts", 1), [0, 1, 99], "contact number 2"),
        (Problem.from_json, PROBLEM, ("contacts", 2, 0), "x", "contacts must be a number"),
        (Problem.from_json, PROBLEM, ("e_max", 1), 5, "e_min must be at least 0 and not above"),
        (Problem.from_json, PROBLEM, ("e_max", 2), 1e300, "e_max must be at most"),
        (Problem.from_json, PROBLEM, ("beta",), 1, "beta is the share"),
        (Problem.from_json, PROBLEM, ("colour",), 1, "unknown key"),
        (parse_market, MARKET, ("evs", 1, "b"), 0, "ev 1: b must be above 0"),
        (parse_market, MARKET, ("evs", 1), 3, "ev 1: must be an object"),
        (parse_market, MARKET, ("lane", "e_min"), "x", "lane: e_min must be a number"),
        (parse_market, MARKET, ("mode",), "both", "mode: must be"),
        (parse_wishes, WISHES, ("evs", 1, "until_pct"), 12, "ev 1: until_pct must be above"),
        (parse_wishes, WISHES, ("lane", "e_min"), 1, "lane: e_min must be below 0"),
    ],
)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_fault_of_meaning_is_told_with_its_line(
    tmp_path: Path, make: Any, good: Any, place: Any, bad: Any, what: str, ends: str
) -> None:
    document = json.loads(json.dumps(good))
    within = document
    for part in place[:-1]:
        within = within[part]
    within[place[-1]] = bad
    text = json.dumps(document, indent=1)
    within[place[-1]] = "MARK"
    line = json.dumps(document, indent=1).split("MARK")[0].count("\n") + 1
    path = tmp_path / "file.json"
    path.write_bytes(text.replace("\n", ends).encode())
    with pytest.raises(InputError) as caught:
        read_json_as(path, make)
    assert str(caught.value).startswith(f"{path}, line {line}: {what}")


def test_a_contact_that_is_given_twice_is_told_where_it_is_the_second_time(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    contacts = "[0, 1, 9],\n[0, 2, 3],\n[1, 0, 9],\n[2, 1, 4]"
    path.write_text(
        f'{{"e0": [1, 2, 3], "e_min": 0, "e_max": 5, "cycle": 9, "contacts": [{contacts}]}}'
    )
    with pytest.raises(InputError, match=r"file.json, line 3: the contact \[0, 1, 9\] is given"):
        read_json_as(path, Problem.from_json)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"a": 1,\n "b": {"a": 2,\n"c": 3,\n"c": 4}}', 4),
        ('[{"a": 1,\n"a": 1},\n oops', 2),
        ('{"a\\n": 1,\n"a\\u000a": 2}', 2),
        ("[\n" * 100_000, 100_000),
    ],
)
def test_keys_that_are_given_twice_and_nesting_are_told_with_their_line(
    tmp_path: Path, text: str, line: int
) -> None:
    path = tmp_path / "file.json"
    path.write_text(text)
    with pytest.raises(InputError, match=f"file.json, line {line}: (the key|is nested too deep)"):
        read_json_as(path, lambda document: document)
