# SPDX-License-Identifier: MIT
"""Policies that are not ours: "module:Name", entry points, and what is wrong with them."""

import re
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from crowdcharge import policy as policies
from crowdcharge.cli.options import parsed_options
from crowdcharge.errors import InputError
from crowdcharge.policy import Encounter, Offer
from crowdcharge.policy.social import ties_of


class View(NamedTuple):
    energy_J: float
    capacity_J: float


MINE = """
class Mine:
    name = "mine"

    def __init__(self, amount_J: float = 1.0, **rest):
        self.amount_J = amount_J

    def decide(self, encounter, views, now_s, rng):
        from crowdcharge.policy import Offer
        return Offer(encounter.a, encounter.b, self.amount_J)


class Plans:
    pass


class Unlicensed(Mine):
    def __init__(self):
        raise RuntimeError("no licence")


class Strict(Mine):
    def __init__(self, amount_J: float):
        if amount_J < 0:
            raise LookupError("no such amount")
        super().__init__(amount_J)


number = 3
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "broken", "lacking", "ending", "wrong"):
        monkeypatch.delitem(sys.modules, f"{name}_for_test", raising=False)
    (tmp_path / "mine_for_test.py").write_text(MINE)
    (tmp_path / "broken_for_test.py").write_text("x = 1\nx[0]\n")
    (tmp_path / "ending_for_test.py").write_text("raise SystemExit(3)\n")
    (tmp_path / "wrong_for_test.py").write_text("x = 1\ny = (\n")
    (tmp_path / "lacking_for_test.py").write_text("import no_such_module_at_all\n")
    return tmp_path


def test_a_policy_of_ones_own_is_found_and_decides() -> None:
    path = list(sys.path)
    policy = policies.make("mine_for_test:Mine", amount_J=2.5)
    offer = policy.decide(Encounter(1, 2), {}, 0.0, np.random.default_rng(1))
    assert offer == Offer(1, 2, 2.5)
    assert sys.path == path


def test_an_installed_package_declares_policies(folder: Path) -> None:
    """The metadata is that of an installed wheel, which importlib.metadata itself reads."""
    info = folder / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[crowdcharge.policies]\ntheirs-first = mine_for_test:Mine\n"
    )
    sys.path.insert(0, str(folder))
    try:
        assert policies.make("theirs-first", amount_J=3.0).amount_J == 3.0  # type: ignore[attr-defined]
        with pytest.raises(InputError, match=r"theirs-first.*module:Name"):
            policies.make("theirs-second")
    finally:
        sys.path.remove(str(folder))


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("mine_for_test:None_such", {}, "mine_for_test has no None_such"),
        ("mine_for_test:number", {}, "neither a class nor a function"),
        ("mine_for_test:Plans", {}, "no method decide"),
        ("mine_for_test:Unlicensed", {}, r"RuntimeError: no licence \(mine_for_test.py, line"),
        ("mine_for_test:Strict", {}, "needs amount_J"),
        ("mine_for_test:Strict", {"amount_J": "x"}, "must be a number"),
        ("mine_for_test:Strict", {"amount_J": -1}, "no such amount"),
        ("mine_for_test:Strict", {"other": 1}, "has no option other"),
        ("online-average", {"name": "x"}, "has no option name"),
        ("broken_for_test:Mine", {}, r"TypeError.*broken_for_test.py, line 2"),
        ("ending_for_test:Mine", {}, r"SystemExit: 3 \(ending_for_test.py, line 1\)"),
        ("wrong_for_test:Mine", {}, r"SyntaxError: .*\(wrong_for_test.py, line 2\)$"),
        ("lacking_for_test:Mine", {}, "needs the module no_such_module_at_all"),
        ("no_module_for_test:Mine", {}, "no module no_module_for_test"),
        ("mine_for_test:", {}, "module:Name"),
        (":Mine", {}, "module:Name"),
        ("mine for test:Mine", {}, "module:Name"),
        ("../mine_for_test:Mine", {}, "module:Name"),
        ("a\0b:Mine", {}, "module:Name"),
        ("a\nb:Mine", {}, r"a\\nb:Mine.*module:Name"),
        ("", {}, "known: "),
    ],
)
def test_what_is_no_policy_is_one_line(name: str, options: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        policies.make(name, **options)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("given", "options"),
    [
        (("amount_J=2.5",), {"amount_J": 2.5}),
        (("friends=[[1, 2], [3,4]]",), {"friends": [[1, 2], [3, 4]]}),
        (("a=1", "b=true", "c=word", 'd="1"'), {"a": 1, "b": True, "c": "word", "d": "1"}),
        (("text=a = b",), {"text": "a = b"}),
        (("two=1\nthree=4",), {"two": "1\nthree=4"}),
        (("empty=",), {"empty": ""}),
    ],
)
def test_options_are_read_as_toml(given: tuple[str, ...], options: dict[str, object]) -> None:
    assert parsed_options(given) == options


@pytest.mark.parametrize("given", [("x",), ("=1",), ("a=1", "a=2"), ("a=nan",), ("a=-inf",)])
def test_a_wrong_option_is_refused(given: tuple[str, ...]) -> None:
    with pytest.raises(InputError):
        parsed_options(given)


def test_the_page_about_own_policies_is_true(folder: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "howto" / "own-policy.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    (folder / "page_for_test.py").write_text(code)
    policy = policies.make("page_for_test:Mine", **parsed_options(("share=0.05",)))
    views = {1: View(10.0, 20.0), 2: View(16.0, 20.0)}
    offer = policy.decide(Encounter(1, 2), views, 0.0, np.random.default_rng(1))
    assert offer == Offer(2, 1, 0.05 * 16.0)


def test_friends_can_be_given_to_the_social_gate() -> None:
    policy = policies.make("social-gate", **parsed_options(("friends=[[1,2]]",)))
    assert policy.tables.ties == ties_of([(2, 1)])  # type: ignore[attr-defined]
