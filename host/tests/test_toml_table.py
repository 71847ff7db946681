# SPDX-License-Identifier: MIT
"""The one TOML reader: exact lines, bounded values, and never anything but InputError."""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.bench import config as bench_config
from crowdcharge.errors import InputError
from crowdcharge.files import read_text
from crowdcharge.orchestrator import config as run_config
from crowdcharge.simulation import scenario
from crowdcharge.toml_table import Table
from crowdcharge.toml_table.lines import lines_of

LAYOUT = '''# a file with everything that has a place
title = "a = 1 # no comment, [no] header"
a.b."c.d" = 1
text = """
[not.a.header]
x = 1 ""\\""" here
"""
raw = \'\'\'
y = 2\'\'\'
list = [
    1,
    [2, 3],  # two
    { boards = [
        4,
    ], gap = 5 },
]
[[boards]]
id = 1
[boards.actions.cut]
on = ["sh"]
[[boards]]
id = 2
inner = { x.y = 1, z = { w = 2 } }
["quoted \\u0061" . "d.e"]
k = 1979-05-27 07:32:00
[late]
'''
LINES = {
    ("title",): 2,
    ("a",): 3,
    ("a", "b", "c.d"): 3,
    ("text",): 4,
    ("raw",): 8,
    ("list",): 10,
    ("list", 0): 11,
    ("list", 1, 1): 12,
    ("list", 2, "boards"): 13,
    ("list", 2, "boards", 0): 14,
    ("list", 2, "gap"): 15,
    ("boards",): 17,
    ("boards", 0): 17,
    ("boards", 0, "id"): 18,
    ("boards", 0, "actions"): 19,
    ("boards", 0, "actions", "cut", "on", 0): 20,
    ("boards", 1): 21,
    ("boards", 1, "id"): 22,
    ("boards", 1, "inner", "x", "y"): 23,
    ("boards", 1, "inner", "z", "w"): 23,
    ("quoted a", "d.e"): 24,
    ("quoted a", "d.e", "k"): 25,
    ("late",): 26,
}


def places(value, place=()):
    yield place
    if isinstance(value, dict):
        for key, each in value.items():
            yield from places(each, (*place, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from places(each, (*place, index))


@pytest.mark.parametrize(("place", "line"), LINES.items())
def test_every_place_has_its_line(place, line):
    assert lines_of(LAYOUT)[place] == line


def test_the_lines_know_exactly_the_places_that_tomllib_finds():
    assert set(lines_of(LAYOUT)) == set(places(tomllib.loads(LAYOUT)))


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.data())
def test_lines_of_generated_documents(data):
    """Random tables, written in one of TOML's many ways, each key on a line that is known."""
    keys = st.sampled_from(["a", "b-c", '"d.e"', "'f g'", '"h\\"]"'])
    values = st.sampled_from(
        ["1", "'[x] # = '", '"\\"#"', "[1, [2]]", '"""\n"q"\n"""', "{ i = [] }"]
    )
    text, known = "", {}
    for number in range(data.draw(st.integers(1, 6))):
        head = data.draw(keys)
        kind = data.draw(st.sampled_from(["[t{}.{}]", "[[t{}.{}]]", "[ t{} . {} ] # c"]))
        text += kind.format(number, head) + "\n"
        plain = next(iter(tomllib.loads(f"{head} = 0")))
        at = (f"t{number}", plain, 0) if kind.startswith("[[") else (f"t{number}", plain)
        known[at] = text.count("\n")
        for key in data.draw(st.lists(keys, unique=True, max_size=4)):
            known[(*at, next(iter(tomllib.loads(f"{key} = 0"))))] = text.count("\n") + 1
            text += f"{key} = {data.draw(values)}\n"
    found = lines_of(text)
    assert set(found) == set(places(tomllib.loads(text)))
    assert {at: found[at] for at in known} == known


# What is read


@dataclass(frozen=True)
class Section:
    name: str
    count: int = 1
    ratio: float = 0.5
    on: bool = False
    kind: Literal["one", "two"] = "one"
    file: Path = Path()
    rows: list[list[int]] = field(default_factory=list)
    free: dict[str, Any] = field(default_factory=dict)


def section(text: str) -> Section:
    return Table.parse(text, "f.toml").record(Section, {"count": (0, 9), "ratio": (0, 1)})


def test_a_record_has_the_types_of_its_fields():
    text = 'name = "x"\nratio = 1\non = true\nkind = "two"\nfile = "a/b"\nrows = [[1], []]\n'
    made = section(text + "free = { a = [1, 'b'] }\n")
    assert made == Section("x", 1, 1.0, True, "two", Path("a/b"), [[1], []], {"a": [1, "b"]})
    assert type(made.ratio) is float


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "f.toml, line 1: name: is missing"),
        ("name = 3", "f.toml, line 1: name: must be a string, not 3"),
        ("name = ''\ncount = 1.5", "f.toml, line 2: count: must be a whole number, not 1.5"),
        ("name = ''\ncount = true", "f.toml, line 2: count: must be a whole number, not True"),
        ("name = ''\ncount = 10", "f.toml, line 2: count: must be 0 to 9, not 10"),
        ("name = ''\nratio = '1'", "f.toml, line 2: ratio: must be a number, not '1'"),
        ("name = ''\nratio = -0.1", "f.toml, line 2: ratio: must be 0 to 1, not -0.1"),
        ("name = ''\non = 1", "f.toml, line 2: on: must be true or false, not 1"),
        (
            "name = ''\nkind = 'three'",
            "f.toml, line 2: kind: must be one of one, two, not 'three'",
        ),
        ("name = ''\nkind = []", "f.toml, line 2: kind: must be one of one, two, not []"),
        ('name = ""\nfile = "a\\u0000"', "f.toml, line 2: file: must be a path, not 'a\\x00'"),
        ("name = ''\nrows = [[1],\n[2,\n'3']]", "f.toml, line 4: rows[1][1]: must be a whole"),
        ("name = ''\nrows = [\n1]", "f.toml, line 3: rows[0]: must be a list, not 1"),
        ("name = ''\nfree = 1", "f.toml, line 2: free: must be a table, not 1"),
        ("name = ''\n'a\\nb c' = 1", r"f.toml, line 2: 'a\\nb c': unknown key; known are count"),
        ('name = ""\n"a\\nb" = 1', "f.toml, line 2: 'a\\nb': unknown key"),
    ],
)
def test_what_is_wrong_with_a_record_is_one_line(text, said):
    with pytest.raises(InputError) as caught:
        section(text)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_a_wrong_value_is_not_repeated_at_any_length():
    with pytest.raises(InputError) as caught:
        section(f"name = {list(range(100_000))}")
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize("value", [2**53 + 1, 2**63 - 1, 0])
def test_a_whole_number_stays_exact(value):
    top = Table.parse(f"seed = {value}\ncount = 2e5", "f.toml")
    assert top.integer("seed", 0, 0, 2**63 - 1) == value
    assert top.integer("count", 0, 0, 10**6) == 200_000
    with pytest.raises(InputError, match="whole number"):
        Table.parse("seed = 9007199254740993.0", "f.toml").integer("seed", 0, 0, 2**63 - 1)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("inf", "x.y: must be a finite number"),
        ("-nan", "x.y: must be a finite number"),
        ("1e999", "x.y: must be a finite number"),
        ("9" * 400, "x.y: must be a number of at most 64 bits"),
        ("9" * 5000, "a number has too many digits"),
        ("0x" + "f" * 5000, "x.y: must be a number of at most 64 bits"),
        ("9223372036854775808", "x.y: must be a number of at most 64 bits"),
        ("[" * 33 + "]" * 33, "is nested more than 32 deep"),
        ("[" * 100_000 + "]" * 100_000, "is nested more than 32 deep"),
        ("{a=" * 5_000 + "1" + "}" * 5_000, "is nested more than 32 deep"),
    ],
)
def test_numbers_and_nesting_are_bounded(value, said):
    with pytest.raises(InputError) as caught:
        Table.parse(f"# first\n\nx.y = {value}", "f.toml")
    assert str(caught.value).startswith(f"f.toml, line 3: {said}")


def test_dotted_keys_are_bounded_too():
    for key in ("[" + ".".join("a" * 40) + "]", ".".join("a" * 40) + " = 1"):
        with pytest.raises(InputError, match=r"line 2: a\.a\..*: is nested more than 32 deep"):
            Table.parse(f"\n{key}\n", "f.toml")


def test_a_number_without_a_range_of_its_own_is_bounded():
    top = Table.parse("x = 1e16", "f.toml")
    with pytest.raises(InputError, match=r"x: must be -1e\+15 to 1e\+15, not 1e\+16"):
        top.number("x")
    with pytest.raises(InputError, match="x: must be a whole number, not 1e"):
        top.integer("x", None, 1, 5)


def test_a_mark_and_windows_line_ends_are_accepted():
    top = Table.parse("\ufeffa = 1\r\nb = 2\r\n[t]\r\nc = '''x\r\ny'''\r\nd = 3", "f.toml")
    assert top.number("b") == 2
    assert str(top.table("t").fail("d", "is wrong")) == "f.toml, line 6: t.d: is wrong"


# Files


def test_a_file_that_cannot_be_read_is_one_line(tmp_path):
    (tmp_path / "marked.toml").write_bytes(b"\xef\xbb\xbfa = 1\r\n")
    assert Table.parse(read_text(tmp_path / "marked.toml"), "f").number("a") == 1
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name, said in {
        "none": "No such file",
        "binary": "not a text file",
        ".": "Is a dir",
    }.items():
        with pytest.raises(InputError, match=f"^{re.escape(str(tmp_path / name))}: {said}"):
            read_text(tmp_path / name)
    with pytest.raises(InputError, match="null byte"):
        read_text(tmp_path / "a\0b")


# Nothing else is ever raised

_GOOD = {
    "run": '[run]\npolicy = "x"\nkeys = "k"\nout = "o"\n[contacts]\nslots = [[[1, 2]], []]\n',
    "bench": "speed = 2\n[[boards]]\nid = 1\nsoc_pct = 5\n[[boards]]\nid = 2\nsoc_pct = 5\n"
    "[link]\npower_W = 1.5\n[contacts]\ncycle = [[{ boards = [1, 2], gap_mm = 3.0 }]]\n",
    "scenario": "duration_s = 9\n[[boards]]\nid = 1\nsoc_pct = 5\ncords = [[1, 2]]\n"
    "[[boards]]\nid = 2\nsoc_pct = 7\n[contacts]\nlist = [[1, 2, 0, 60]]\n",
}
_PARSE = {
    "run": lambda text: run_config.parse(text, Path("f.toml")),
    "bench": lambda text: bench_config.parse(text, "f.toml"),
    "scenario": lambda text: scenario.parse(text, "f.toml"),
}
_PUT = st.one_of(
    st.text(max_size=6),
    st.sampled_from(
        [
            "[",
            "]",
            "[[",
            "{",
            "}",
            "'",
            '"',
            "\\",
            "#",
            ".",
            "=",
            ",",
            "inf",
            "nan",
            "-",
            "1e400",
            "true",
            "a.b",
            "1979-05-27",
        ]
    ),
    st.sampled_from(["'''", '"""', "\n", "\r\n", "\0", "\ufeff", "9" * 30, "[" * 40]),
)


@pytest.mark.parametrize("kind", _GOOD)
@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.data())
def test_any_damage_is_a_config_or_one_line_that_names_the_file(kind, data):
    text = _GOOD[kind]
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(_PUT) + text[at + data.draw(st.integers(0, 8)) :]
    try:
        _PARSE[kind](text)
    except InputError as error:
        said = str(error)
    else:
        return
    assert re.match(r"f\.toml, line \d+: ", said)
    assert len(said.splitlines()) == 1


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.text(alphabet="a.=[]{}\"'\\#,\n 1-", max_size=60))
def test_whatever_tomllib_accepts_has_all_its_lines(text):
    try:
        Table.parse(text, "f.toml")
    except InputError:
        return
    assert set(lines_of(text)) == set(places(tomllib.loads(text)))


def test_changed_values_stand_beside_the_others_and_leave_the_table_as_it_was():
    table = Table.parse("a.b = 1\nc = [1, 2]\n", "f.toml")
    changed = table.changed({"a.b": 2, "a.d": 3, "new.e.f": [4]})
    assert changed.values() == {"a": {"b": 2, "d": 3}, "c": [1, 2], "new": {"e": {"f": [4]}}}
    assert table.values() == {"a": {"b": 1}, "c": [1, 2]}
    with pytest.raises(InputError, match=r"^f\.toml, line 2: c: is no table, so it has no c\.x$"):
        table.changed({"c.x": 1})
