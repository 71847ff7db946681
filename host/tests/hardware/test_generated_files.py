# SPDX-License-Identifier: MIT
"""Netlists, wiring, parts lists and pages as others read them."""

import csv
import io
import re

import pytest
import yaml
from generator import pictures
from generator.circuit import circuit
from generator.outputs import load
from generator.source import HARDWARE

ROOT = HARDWARE.parent
BOARDS, TABLES = load(HARDWARE / "boards")
BUILT = [name for name, board in BOARDS.items() if board["build"] != "none"]


def s_expression(text):
    """Nested lists of a KiCad file, by a reader of our own: kinparse is the other one."""
    stack = [[]]
    for token in re.findall(r'"[^"]*"|[()]|[^\s()"]+', text):
        if token == "(":
            stack.append([])
        elif token == ")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token.strip('"'))
    assert len(stack) == 1, "brackets do not match"
    return stack[0][0]


@pytest.mark.parametrize("name", BUILT)
def test_the_netlist_holds_exactly_the_circuit(name, texts):
    node = circuit(BOARDS[name], TABLES)
    tree = s_expression(texts[f"hardware/kicad/{name}.net"])
    sections = {part[0]: part[1:] for part in tree[1:]}
    refs = [dict(comp[1:4])["ref"] for comp in sections["components"]]
    assert refs == list(node.parts)
    nets = {dict(net[1:3])["name"]: net[3:] for net in sections["nets"]}
    for net, pins in node.nets.items():
        found = [(dict(pin[1:])["ref"], dict(pin[1:])["pinfunction"]) for pin in nets[net]]
        assert found == pins


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "name", ["pico_w", "feather_esp32s3_st"]
)  # the reader is slow: the extremes
def test_a_third_party_reader_sees_the_same_nets(name):
    kinparse = pytest.importorskip("kinparse", reason="needs the extra 'hardware'")
    node = circuit(BOARDS[name], TABLES)
    with (HARDWARE / "kicad" / f"{name}.net").open() as file:
        parsed = kinparse.parse_netlist(file)
    assert {part.ref for part in parsed.parts} == set(node.parts)
    found = {net.name: {(pin.ref, pin.num) for pin in net.pins} for net in parsed.nets}
    wanted = {
        net: {(ref, node.parts[ref].numbers[pin]) for ref, pin in pins}
        for net, pins in node.nets.items()
    }
    assert found == wanted


@pytest.mark.parametrize("name", BUILT)
def test_each_wire_of_the_harness_joins_a_module_to_its_net(name, texts):
    node = circuit(BOARDS[name], TABLES)
    harness = yaml.safe_load(texts[f"hardware/wiring/{name}.yml"])
    wires = set()
    for chain in harness["connections"]:
        ends = {ref: pins for link in chain for ref, pins in link.items()}
        ref = next(ref for ref in ends if ref != "X1" and not ref.startswith("W"))
        wires |= {(ref, pin, net) for pin, net in zip(ends[ref], ends["X1"], strict=True)}
    wanted = {
        (ref, pin, net)
        for net, pins in node.nets.items()
        for ref, pin in pins
        if node.parts[ref].module
    }
    assert wires == wanted


@pytest.mark.parametrize("name", BUILT)
def test_the_parts_list_counts_every_part_once(name, texts):
    node = circuit(BOARDS[name], TABLES)
    rows = list(csv.DictReader(io.StringIO(texts[f"hardware/bom/{name}.csv"])))
    plugs = [row for row in rows if row["references"].startswith("for ")]
    listed = [ref for row in rows if row not in plugs for ref in row["references"].split()]
    plugged = [ref for row in plugs for ref in row["references"].split()[1:]]
    assert sorted(listed) == sorted(node.parts)
    assert sorted(plugged) == sorted(ref for ref, part in node.parts.items() if part.module)
    assert all(
        int(row["quantity"]) == len(row["references"].removeprefix("for ").split()) for row in rows
    )
    assert all(row["order number"] for row in rows)


def test_pictures_are_drawn_from_the_present_sources(texts):
    assert pictures.stale(ROOT, texts) == []


def test_a_picture_of_another_source_is_stale(tmp_path, texts):
    picture, source = next(iter(pictures.pictures(texts).items()))
    copy = tmp_path / picture
    copy.parent.mkdir(parents=True)
    copy.write_bytes((ROOT / picture).read_bytes())
    assert picture not in pictures.stale(tmp_path, texts)
    assert picture in pictures.stale(tmp_path, texts | {source: texts[source] + "# changed\n"})


@pytest.mark.parametrize("name", list(BOARDS))
def test_a_page_says_whether_the_board_was_ever_run(name, texts):
    page = texts[f"docs/reference/boards/{name}.md"]
    board = BOARDS[name]
    assert ("Not yet run on hardware" in page) == (not board["tested"])
    assert board["reason"] in page
    assert board["antenna"] in page


def test_links_of_the_pages_lead_somewhere(texts):
    for path, text in texts.items():
        if path.endswith(".md"):
            for target in re.findall(r"\]\(([^)#]+)\)", text):
                assert ((ROOT / path).parent / target).exists(), (path, target)
