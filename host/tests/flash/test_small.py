# SPDX-License-Identifier: MIT
"""What a board gets has constants in place and short names, and does the same."""

import ast
import importlib
from pathlib import Path

import pytest

from crowdcharge.flash import tree
from crowdcharge.flash.inlined import inlined
from crowdcharge.flash.own_names import own_shortened
from crowdcharge.flash.shortened import shortened

WIRE = """from core.compat import const
PTX = const(1)  # sends
BOTH = PTX | const(1 << 1)
LOW = -3
"""


def namespace(text: str) -> dict:
    found: dict = {}
    exec(text, found)
    return found


def body(text: str) -> str:
    """Return what runs of a text, without lines that pass."""
    return "\n".join(
        ast.unparse(node) for node in ast.parse(text).body if not isinstance(node, ast.Pass)
    )


def board(text: str, wire: str = WIRE) -> str:
    return inlined({"core.wire": wire, "core.compat": "", "core.board": text})["core.board"]


def test_numbers_stand_where_their_names_were():
    text = "from core import wire\ndef f(role):\n    return role & wire.BOTH, 5 - wire.LOW\n"
    small = board(text)
    assert body(small) == "def f(role):\n    return (role & 3, 5 - -3)"
    assert namespace(small)["f"](2) == (2, 8)


def test_lines_keep_their_numbers():
    text = "from core.wire import (\n    PTX,\n    LOW,\n    pack,\n)\n\n\nx = [PTX, LOW, pack]\n"
    small = board(text)
    assert body(small) == "from core.wire import pack\nx = [1, -3, pack]"
    assert small.count("\n") == text.count("\n")
    assert small.splitlines()[7] == "x = [1, (-3), pack]"


def test_what_defined_the_constants_is_gone_and_its_reason_stays():
    small = inlined({"core.wire": WIRE})["core.wire"]
    assert body(small) == ""
    assert small.splitlines()[1] == "pass  # sends"


def test_a_constant_of_a_constant_of_another_module():
    assert body(board("from core.wire import PTX\nTWICE = PTX * 2\ny = [TWICE]\n")) == "y = [2]"


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\nx = 2\nprint(x)",
        "x = 1\ndef f():\n    global x\n    x = 2\nprint(x)",
        "x = True\nprint(x)",
        "x = 1.5\nprint(x)",
        "x = 'text'\nprint(x)",
        "x = y = 1\nprint(x)",
        "def f(x):\n    return x\nx = 1\nprint(x)",
        "try:\n    x = 1\nfinally:\n    pass\nprint(x)",
        "for x in (1, 2):\n    print(x)",
    ],
)
def test_what_is_no_whole_number_for_ever_stays(text):
    assert body(board(text)) == body(text)


def test_a_module_that_is_handed_on_keeps_its_names():
    board_text = "from core import wire\nnames = dir(wire)\nrole = [wire.PTX]\n"
    small = inlined({"core.wire": WIRE, "core.compat": "", "core.board": board_text})
    assert "names = dir(wire)\nrole = [1]" in small["core.board"]
    assert "PTX = const(1)" in small["core.wire"]


def test_a_name_that_may_be_another_keeps_what_it_may_be():
    board_text = "from core.wire import PTX\ndef f(PTX=PTX):\n    return PTX\n"
    small = inlined({"core.wire": WIRE, "core.compat": "", "core.board": board_text})
    assert small["core.board"] == board_text
    assert "PTX = const(1)" in small["core.wire"]


def test_names_within_functions_are_short_and_the_rest_is_not():
    text = """
limit = 3
def move(count, step=limit, *others, loud=False):
    total: int = count * step
    for other in others:
        total += sum(other + more for more in (1, limit))
    later = lambda delta: total + delta
    try:
        count.missing
    except AttributeError as error:
        found = str(error)
    return total, later(1), loud, found
class Board:
    def __init__(self, soc):
        self.soc = soc
    def ask(self, what):
        import binascii
        def inner(what):
            return what + self.soc
        return inner(what), binascii.crc32(b"")
"""
    small = shortened({"a": text}, ["move(1, loud=True)"])["a"]
    one, other = namespace(text), namespace(small)
    assert one["move"](2, 3, 4, loud=True) == other["move"](2, 3, 4, loud=True)
    assert one["Board"](2).ask(5) == other["Board"](2).ask(5) == (7, 0)
    names = {node.id for node in ast.walk(ast.parse(small)) if isinstance(node, ast.Name)}
    names |= {node.arg for node in ast.walk(ast.parse(small)) if isinstance(node, ast.arg)}
    assert not names & {
        "count",
        "step",
        "total",
        "others",
        "other",
        "more",
        "delta",
        "what",
        "soc",
    }
    assert {"limit", "loud", "error", "self"} <= names
    assert small.count("\n") == text.count("\n")


def test_private_names_are_short():
    text = """
_OFFSETS = (1, 2)
_KEPT = 4
def _sum(more):
    _kept = more + sum(_OFFSETS)
    return _kept
class _Meter:
    _KEPT = 5
    def __init__(self):
        self._sent_mJ = self._taken_mJ = self._shown = self._said = self.sum_mJ = 1
    def _add(self, other):
        self._sent_mJ += other._taken_mJ + getattr(self, "_said") + _sum(_KEPT)
        return self._sent_mJ
class Child(_Meter):
    def ask(self):
        self._own = 3
        return self._add(self) + self._own
class Clock:
    def __init__(self, driver):
        self._at_ms = self._noon = 5
        self._driver = driver._raw
    def _tick(self):
        self._at_ms += self._driver
        return self._at_ms
    def turn(self):
        return self._tick()
class Lamp:
    def __init__(self):
        self._lit = 7
"""
    asks = "import a\nclock = a.Clock(driver)\nclock.turn()\nshown = clock._noon + a._KEPT\n"
    small = own_shortened({"a": text, "b": asks}, ["class Driver:\n    _raw = 2\n"])
    one, other = namespace(text), namespace(small["a"])
    assert one["Child"]().ask() == other["Child"]().ask() == 13
    driver = type("Driver", (), {"_raw": 2})()
    clock = other["Clock"](driver)
    assert clock.turn() == 7
    assert vars(clock) == {"_a": 7, "_b": 2, "_ab": 5}
    assert vars(other["Lamp"]()) == {"_c": 7}
    assert vars(other["Child"]()).keys() == {"_ad", "_ae", "_af", "_said", "sum_mJ"}
    assert (other["_c"](1), other["_b"], other["_KEPT"]) == (4, (1, 2), 4)
    assert body(small["b"]).endswith("shown = clock._ab + a._KEPT")
    assert small["a"].count("\n") == text.count("\n")


def test_the_core_is_what_it_was_but_for_names_and_numbers(tmp_path):
    """Compared node by node; a number must be what Python finds when it imports the originals."""
    files = tree.build(tree.board_kind("feather_nrf52840"), tmp_path)
    core = {
        name.removesuffix(".py").replace("/", "."): path
        for name, path in files.items()
        if name.startswith("wptcore/")
    }
    modules = {name: importlib.import_module(name) for name in core}
    short = {name.rpartition(".")[2]: module for name, module in modules.items()}
    numbers = 0
    for name, module in modules.items():
        original = ast.parse(Path(module.__file__).read_text("utf-8"))
        small = ast.parse(core[name].read_text("utf-8"))
        own: set = set()
        numbers += same(original, small, short | vars(module), own)
        for attributes in (False, True):
            assert one_to_one({row[1:] for row in own if row[0] is attributes}), own
    assert numbers > 500


def same(one: ast.AST, other: ast.AST, names: dict, own: set, renamed: set | None = None) -> int:
    """Assert that both are the same; return in how many places `other` has the number.

    `names`: of the module; `own`: (is an attribute, name, new name) of its private names;
    `renamed`: (name, new name) of the function that this stands in.
    """
    if isinstance(other, ast.Pass):
        assert isinstance(one, ast.Pass | ast.Assign | ast.ImportFrom)
        return 0
    if whole(other) and not whole(one):
        assert eval(ast.unparse(one), names) == ast.literal_eval(other)
        return 1
    assert type(one) is type(other)
    if isinstance(one, ast.ImportFrom):
        assert {each.name for each in other.names} <= {each.name for each in one.names}
        return 0
    if isinstance(one, ast.FunctionDef | ast.Lambda) and renamed is None:
        pairs: set = set()
        total = fields(one, other, names, own, pairs)
        assert one_to_one(pairs), pairs
        return total
    return fields(one, other, names, own, renamed)


def fields(one: ast.AST, other: ast.AST, names: dict, own: set, renamed: set | None) -> int:
    total = 0
    for field in one._fields:
        left, right = getattr(one, field), getattr(other, field)
        if isinstance(left, list):
            for each, its in zip(left, right, strict=True):
                total += same(each, its, names, own, renamed) if isinstance(each, ast.AST) else 0
        elif isinstance(left, ast.AST):
            total += same(left, right, names, own, renamed)
        elif field in {"id", "arg"} and renamed is not None:
            renamed.add((left, right))
        elif field in {"attr", "name", "id"} and str(left).startswith("_"):
            own.add((is_attribute(one), left, right))
        else:
            assert left == right
    return total


def is_attribute(node: ast.AST) -> bool:
    """Tell an attribute or a method from what has its name in the module."""
    if isinstance(node, ast.FunctionDef):
        return [each.arg for each in node.args.args[:1]] == ["self"]
    return isinstance(node, ast.Attribute)


def one_to_one(pairs: set) -> bool:
    return len({old for old, _ in pairs}) == len(pairs) == len({new for _, new in pairs})


def whole(node: ast.AST) -> bool:
    """Tell whether a node is a number that is written down."""
    try:
        return type(ast.literal_eval(node)) is int
    except (ValueError, TypeError):
        return False
