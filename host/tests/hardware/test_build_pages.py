# SPDX-License-Identifier: MIT
"""Assembly, bring-up, kit and current budget against the source that they speak of."""

import re
from math import prod

import pytest
from generator.circuit import circuit
from generator.kit import read_kit
from generator.outputs import load, outputs
from generator.source import HARDWARE, HardwareError
from generator.voltages import solve

ROOT = HARDWARE.parent
BOARDS, TABLES = load(HARDWARE / "boards")
KIT = read_kit(HARDWARE)
NODE = circuit(BOARDS[KIT["board"]], TABLES)
PAGES = {
    name: re.sub(r"[ \n]+", " ", (ROOT / f"docs/howto/{name}.md").read_text())
    for name in ("assembly", "bring-up", "bench-safety", "plugged-port")
}
# What a person may need, however the page calls it -> the kit's name for it.
WORDS = {
    r"multimeter": "multimeter",
    r"solder": "soldering iron",
    r"bench supply|second supply": "bench supply",
    r"strip board": "strip board",
    r"adapter boards": "SOT-23 adapter boards",
    r"tape": "heat-proof tape",
    r"wires?\b": "wire",
    r"spacers?": "spacers",
    r"non-metal plate": "non-metal plate",
    r"washer": "steel washer",
    r"10 Ohm, 5 W": "load resistor",
    r"1\.6 kOhm|over 1 kOhm": "hand resistors",
    r"VBUS blocker|blockers?": "VBUS blocker",
    r"--port|USB into": "USB cable",
    r"sand\b": "bucket of sand",
}


@pytest.mark.parametrize("page", ["assembly", "bring-up"])
def test_every_reference_on_a_page_is_in_the_circuit(page):
    named = set(re.findall(r"\b(?:U|R|C|Q|D|F|TH|BT|SW)\d{1,2}\b", PAGES[page]))
    assert named <= set(NODE.parts), named - set(NODE.parts)


def expanded(text):
    """`R10 to R16` and `Q1 to Q4` name those between as well."""
    found = set(re.findall(r"\b[A-Z]{1,2}\d{1,2}\b", text))
    for kind, first, _, last in re.findall(r"\b([A-Z]{1,2})(\d+) to ([A-Z]{1,2})(\d+)\b", text):
        found |= {f"{kind}{number}" for number in range(int(first), int(last) + 1)}
    return found


def test_the_assembly_page_solders_every_part_of_the_carrier():
    carrier = {ref for ref, part in NODE.parts.items() if not part.module}
    assert carrier <= expanded(PAGES["assembly"]), carrier - expanded(PAGES["assembly"])


def test_every_net_on_the_bring_up_page_is_in_the_circuit():
    named = set(re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`", PAGES["bring-up"]))
    other = {"LEASE_LOST", "OVER_TEMPERATURE", "FOREIGN_OBJECT", "INTERNAL_FAULT"}
    other |= {"I2C_POWER", "TX_PULSE_PIN"}
    assert named - other <= set(NODE.nets), named - other - set(NODE.nets)


@pytest.mark.parametrize(("words", "name"), list(WORDS.items()))
def test_nothing_that_the_pages_use_is_missing_from_the_kit(words, name):
    assert any(re.search(words, text) for text in PAGES.values()), "nobody needs it"
    assert name in {item["name"] for item in KIT["item"]}


def test_the_kit_holds_no_tool_that_no_page_uses():
    assert {item["name"] for item in KIT["item"]} == set(WORDS.values())


def test_the_kit_holds_every_part_of_its_nodes():
    page = (ROOT / "docs/howto/kit.md").read_text()
    for part in NODE.parts.values():
        assert f"| {part.title} | {part.order} |" in page
        if part.connector:
            assert TABLES.parts[part.connector]["title"] in page


def test_no_price_is_printed_that_the_source_does_not_state():
    page = (ROOT / "docs/howto/kit.md").read_text()
    assert not any("price" in item for item in KIT["item"])
    assert not re.search(r"[$€£]|USD|EUR", page)


def test_the_plan_names_steps_that_exist():
    steps = [int(n) for n in re.findall(r"\| (\d+) \| ", PAGES["bring-up"])]
    assert steps == list(range(1, len(steps) + 1))
    for step in KIT["step"]:
        for first, last in re.findall(r"steps (\d+) to (\d+)", step["title"]):
            assert 1 <= int(first) < int(last) <= len(steps)


def test_a_kit_of_a_board_that_is_not_there():
    boards = {name: board for name, board in BOARDS.items() if name != KIT["board"]}
    with pytest.raises(HardwareError, match=r"kit\.toml:1: board: there is no board"):
        outputs(boards, TABLES)


def test_the_currents_of_the_budget_page_are_those_of_the_circuit():
    page = (ROOT / "docs/reference/current-budget.md").read_text()
    volts = solve(NODE, {"GND": 0.0, "3V3": 3.3})
    ladder_uA = (3.3 - volts["CUT_OPEN"]) / NODE.parts["R23"].resistance_Ohm * 1e6
    dividers = [ref for ref in ("R8", "R9", "R22") if NODE.parts[ref].resistance_Ohm == 10_000]
    dividers_uA = len(dividers) * 3.3 / 20_000 * 1e6
    assert f"| {ladder_uA:.0f} |" in page
    assert f"| {dividers_uA:.0f} |" in page
    rows = [int(n) for n in re.findall(r"^\|[^*|]+\|[^*|]+\| (\d+) \|$", page, re.MULTILINE)]
    carrier, total = rows[:7], int(re.search(r"\*\*(\d{4})\*\*", page).group(1))
    assert abs(sum(carrier) - total) <= 1
    assert f"| {total - 2000 + 30} |" in page


def test_the_sums_of_the_budget_page_add_up():
    page = (ROOT / "docs/reference/current-budget.md").read_text()
    sums = re.findall(r"`([\d.]+) = ([^`]+)`", page)
    assert len(sums) == 4
    for total, terms in sums:
        products = [[float(n) for n in term.split(" x ")] for term in terms.split(" + ")]
        assert sum(map(prod, products)) == pytest.approx(float(total), abs=0.06)
        assert f"| {total} mA |" in page
