# SPDX-License-Identifier: MIT
"""errors.toml is the only place where a code, a name or a text is written."""

import importlib.util
from pathlib import Path

from crowdcharge.boards import codes
from wptcore import declared as core
from wptcore import ept, way_out

TOOL = Path(__file__).parents[3] / "firmware" / "tools" / "generate_errors.py"
spec = importlib.util.spec_from_file_location("generate_errors", TOOL)
assert spec is not None
assert spec.loader is not None
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)


def test_what_is_generated_is_fresh() -> None:
    assert tool.stale() == []


def test_core_and_host_know_the_same_codes() -> None:
    known = {name: code for name, code in vars(ept).items() if name.isupper()}
    assert {code: name for name, code in known.items()} == codes.NAMES
    assert set(codes.TEXTS) == set(codes.NAMES)
    assert {row[0] for row in core.FAULTS} == set(codes.SEVERITIES)


def test_the_console_names_every_code_and_says_the_number_of_any_other() -> None:
    for code in range(1, 256):
        assert way_out.name_of(code) == codes.NAMES.get(code, f"0x{code:02X}")


def test_every_latch_says_who_clears_it_and_the_page_has_a_row_for_each_fault() -> None:
    latches = {code for code, severity in codes.SEVERITIES.items() if severity == "latch"}
    assert latches == set(codes.CLEAR_BY) == set(core.CLEAR_BY)
    assert [codes.name(code) for code, by in codes.CLEAR_BY.items() if by == "host"] == [
        "LEASE_LOST"
    ]
    text = (tool.ROOT / "docs" / "howto" / "a-fault-stands.md").read_text(encoding="utf-8")
    for code in codes.SEVERITIES:
        assert f"\n| `{codes.name(code)}` |" in text


def test_faults_are_few_enough_for_one_small_int() -> None:
    assert len(core.FAULTS) <= 30
