# SPDX-License-Identifier: MIT
"""The drawn schematics: KiCad's own rule check, its netlist, and the geometry that it ignores."""

import re
import shutil
import subprocess
from itertools import combinations

import pytest
from generator.circuit import circuit
from generator.outputs import load
from generator.sheet import FOOT_mm, PAPERS_mm, sheet
from generator.source import HARDWARE
from generator.symbols import GRID_mm

BOARDS, TABLES = load(HARDWARE / "boards")
BUILT = [name for name, board in BOARDS.items() if board["build"] != "none"]
needs_kicad = pytest.mark.program("kicad-cli", "kicad")


def drawn(name):
    build = TABLES.builds[BOARDS[name]["build"]]
    return sheet(circuit(BOARDS[name], TABLES), build["sheet"])


def kicad(*arguments, path):
    return subprocess.run(
        ["kicad-cli", "sch", *arguments, str(path)], capture_output=True, text=True, check=False
    )


def erc(path, report):
    found = kicad("erc", "--severity-all", "--exit-code-violations", "-o", str(report), path=path)
    return found.returncode, report.read_text()


@pytest.fixture
def project(tmp_path):
    return shutil.copytree(HARDWARE / "kicad", tmp_path / "kicad")


@needs_kicad
@pytest.mark.parametrize("name", BUILT)
def test_kicads_rule_check_finds_nothing(name, project):
    code, report = erc(project / f"{name}.kicad_sch", project / "erc.rpt")
    assert (code, "ERC messages: 0" in report) == (0, True), report


@needs_kicad
@pytest.mark.parametrize(
    ("old", "words"),
    [
        (r'  \(symbol \(lib_id "crowdcharge:PWR_FLAG"\).*?\(unit 1\)\)\)\)\)\n', "not driven"),
        (r"  \(no_connect [^\n]*\n", "not connected"),
        (r'  \(global_label "TX_CMD"[^\n]*\n[^\n]*\n', "TX_CMD"),
    ],
)
def test_kicads_rule_check_finds_what_is_taken_away(old, words, project):
    path = project / "feather_esp32s3_st.kicad_sch"
    text, count = re.subn(old, "", path.read_text(), count=1, flags=re.DOTALL)
    assert count == 1
    path.write_text(text)
    code, report = erc(path, project / "erc.rpt")
    assert code == 5
    assert words in report


@needs_kicad
@pytest.mark.parametrize("name", BUILT)
def test_kicads_netlist_is_the_source_pin_for_pin(name, project):
    out = project / "out.net"
    done = kicad(
        "export", "netlist", "--format", "kicadsexpr", "-o", str(out),
        path=project / f"{name}.kicad_sch",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert read(out) == read(HARDWARE / "kicad" / f"{name}.net")


def read(path):
    """Parts with value and footprint; nets with (reference, number, name, type)."""
    text = path.read_text()
    parts = dict(
        re.findall(r'\(comp \(ref "([^"]+)"\)\s+(\(value "[^"]*"\)\s+\(footprint "[^"]*"\))', text)
    )
    nets = {}
    for block in re.split(r"\(net \(code ", text)[1:]:
        net = re.search(r'\(name "([^"]+)"\)', block).group(1)
        nodes = re.findall(
            r'\(node \(ref "([^"]+)"\) \(pin "([^"]+)"\)'
            r'(?: \(pinfunction "([^"]+)"\))? \(pintype "([^"]+)"\)\)',
            block,
        )
        if not net.startswith("unconnected-"):
            nets[net] = sorted(nodes)
    return {ref: re.sub(r"\s+", " ", text) for ref, text in parts.items()}, nets


@pytest.mark.parametrize("name", BUILT)
def test_nothing_lies_on_anything_else(name):
    """KiCad's rule check sees no overlap."""
    one = drawn(name)
    boxes = {}
    for ref, (symbol, x, y) in one.symbols.items():
        low = y + GRID_mm * symbol.rows
        boxes[ref] = (x - symbol.half_mm, y - GRID_mm, x + symbol.half_mm, low)
    for index, label in enumerate(one.labels):
        x, y, long = label.x_mm, label.y_mm, label.long_mm
        boxes[f"{label.net}#{index}"] = {
            0: (x, y - 1.2, x + long, y + 1.2),
            90: (x - 1.2, y - long, x + 1.2, y),
            180: (x - long, y - 1.2, x, y + 1.2),
        }[label.angle]
    for (a, one_box), (b, two_box) in combinations(boxes.items(), 2):
        apart = (
            one_box[2] <= two_box[0] or two_box[2] <= one_box[0]
            or one_box[3] <= two_box[1] or two_box[3] <= one_box[1]
        )  # fmt: skip
        assert apart, (a, b)
    width, height = next((w, h) for paper, w, h in PAPERS_mm if paper == one.paper)
    for left, top, right, bottom in boxes.values():
        assert left > 10
        assert top > 10
        assert right < width - 10
        assert bottom < height - FOOT_mm


@pytest.mark.parametrize("name", BUILT)
def test_each_part_stands_in_a_block_that_the_build_names(name):
    assert "Other parts" not in [title for title, *_ in drawn(name).frames]
    assert set(drawn(name).symbols) == set(circuit(BOARDS[name], TABLES).parts)


def test_the_way_of_the_energy_is_wired():
    """Labels alone would pass every check, and nobody could read them."""
    one = drawn("feather_esp32s3_st")
    joined = {label.net for label in one.labels if label.angle == 90}
    assert {"BAT_CELL", "BAT", "BAT_METERED", "BAT_ARMED", "BAT_SWITCHED", "TX_5V"} <= joined
    assert {"RX_5V", "RX_METERED", "RX_SWITCHED", "TX_PUMP", "TX_HELD", "TX_ON"} <= joined


def test_a_part_that_no_block_names_is_drawn_all_the_same():
    one = circuit(BOARDS["pico_w"], TABLES)
    assert set(sheet(one, []).symbols) == set(one.parts)
