# SPDX-License-Identifier: MIT
"""`vbus_interlock = false`: what the schematic then is, and what is refused."""

import copy
from itertools import product

import pytest
from generator import breaks, cable, erc, faults, firmware, pages
from generator.circuit import circuit
from generator.outputs import load
from generator.source import HARDWARE, HardwareError

from .test_interlock import HIGH, LOW, OPEN, PULLED, levels

BOARDS, TABLES = load(HARDWARE / "boards")
DECLARE = "\nvbus_interlock = false"
GIVES = [
    name
    for name, board in BOARDS.items()
    if "ptx" in board["roles"] and board["build"] != "none" and "cable_sense" in board["pins"]
]


def declared(name):
    return BOARDS[name] | {"vbus_interlock": False}


@pytest.mark.parametrize("name", GIVES)
def test_only_the_cable_no_longer_holds_the_breaks(name):
    board = declared(name)
    chain = TABLES.builds[board["build"]]["chain"]
    node = circuit(board, TABLES)
    assert erc.check(node) == breaks.check(node, board, chain) == []
    assert cable.check_circuit(node, chain) == []
    states = (LOW, HIGH, OPEN, PULLED)
    for tx, rx, field_V, usb_V in product(states, states, (0.0, 5.0), (0.0, 5.0)):
        tx_on, rx_on, _ = levels(node, tx, rx, field_V, usb_V)
        assert tx_on == (tx == HIGH and not field_V)
        assert rx_on == (rx == HIGH and not tx_on and not usb_V)


@pytest.mark.parametrize("name", GIVES)
def test_no_single_fault_leaves_power_on(name):
    board = declared(name)
    rows = faults.table(circuit(board, TABLES), board, TABLES.builds[board["build"]]["chain"])
    assert all(row.power != "on" for row in rows)


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ('cable_sense = "D6"              # USB 5 V over two resistors\n', "cable_sense"),
        ('[gauge]\npart = "max17048"\naddress = 0x36\n', "a gauge"),
    ],
)
def test_what_the_board_lacks_for_it_names_the_line(boards, lines_of, extra, words):
    board = "feather_esp32s3"
    path = boards / f"{board}.toml"
    text = path.read_text()
    assert text.count(extra) == 1
    path.write_text(
        text.replace(extra, "").replace('build = "switched"', f'build = "switched"{DECLARE}')
    )
    with pytest.raises(HardwareError) as caught:
        load(boards)
    (place,) = lines_of(board, "vbus_interlock")
    assert any(
        f"{place}vbus_interlock: false needs" in fault and words in fault
        for fault in caught.value.faults
    )


@pytest.mark.parametrize(("board", "build", "words"), [
    ("pico_w", "monitor", "false needs a board that transmits"),
    ("pico_w", "monitor", "the build 'monitor' has no such interlock"),
])  # fmt: skip
def test_a_board_or_a_build_without_it_is_refused(faults, board, build, words):
    found = faults(board, f'build = "{build}"', f'build = "{build}"{DECLARE}')
    assert any(words in fault for fault in found)


@pytest.mark.parametrize(("net", "pin", "words"), [
    ("USB_5V", ("Q3", "G"), "two chargers"),
    ("RX_5V", ("D4", "A1"), "own receiver does not hold both breaks off"),
])  # fmt: skip
def test_what_must_still_hold_is_computed_from_the_nets(net, pin, words):
    node = copy.deepcopy(circuit(declared("feather_esp32s3"), TABLES))
    node.nets[net].remove(pin)
    node.nets["GND"].append(pin)
    (fault,) = cable.check_circuit(node, TABLES.builds["switched"]["chain"])
    assert words in fault


def test_the_key_and_the_nets_must_agree():
    node = copy.deepcopy(circuit(declared("feather_esp32s3"), TABLES))
    node.nets["USB_5V"].append(("D1", "A2"))
    node.unused.remove(("D1", "A2"))
    (fault,) = cable.check_circuit(node, TABLES.builds["switched"]["chain"])
    assert "holds the breaks off in spite of vbus_interlock = false" in fault
    node = copy.deepcopy(circuit(BOARDS["feather_esp32s3"], TABLES))
    node.nets["USB_5V"].remove(("D1", "A2"))
    node.unused.add(("D1", "A2"))
    (fault,) = cable.check_circuit(node, TABLES.builds["switched"]["chain"])
    assert "a cable or the own receiver does not hold both breaks off" in fault


def test_boards_that_extend_such_a_board_keep_their_interlock(boards):
    path = boards / "feather_esp32s3.toml"
    path.write_text(path.read_text().replace('build = "switched"', f'build = "switched"{DECLARE}'))
    found, _ = load(boards)
    without = {name for name, board in found.items() if not board.get("vbus_interlock", True)}
    assert without == {"feather_esp32s3", "virtual_cabled"}


def test_image_and_page_say_it():
    for board, told in ((BOARDS["feather_esp32s3"], True), (declared("feather_esp32s3"), False)):
        made = firmware.module(board, TABLES.mcus[board["mcu"]], 300)
        assert f"VBUS_INTERLOCK = {told}\n" in made
        page = pages.board_page(board, TABLES, circuit(board, TABLES))
        assert ("D1.A2 and D4.A2 stay open on this board" in page) is not told
