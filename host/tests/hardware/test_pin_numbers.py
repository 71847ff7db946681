# SPDX-License-Identifier: MIT
"""A pin's number is that of the part, with its source; a place in a list never is."""

import re
import shutil
from pathlib import Path

import pytest
from generator.circuit import circuit
from generator.outputs import load
from generator.source import HARDWARE, HardwareError
from generator.tables import read_tables

BOARDS, TABLES = load(HARDWARE / "boards")
BUILT = [name for name, board in BOARDS.items() if board["build"] != "none"]
KICAD = Path("/usr/share/kicad/footprints")


def numbers(board, ref):
    return circuit(BOARDS[board], TABLES).parts[ref].numbers


def test_a_feather_has_the_pads_of_its_header():
    found = numbers("feather_esp32s3_st", "U1")
    assert found | {"SDA": "17", "SCL": "18", "GND": "4", "BAT": "28", "USB": "26"} == found


def test_an_ina219_breakout_plugged_straight_in_gets_scl_before_sda_and_minus_before_plus():
    """The order that this file had before would have swapped the bus and the current's sign."""
    order = sorted(numbers("feather_esp32s3", "U2").items(), key=lambda pin: int(pin[1]))
    assert [pin for pin, _ in order] == ["VCC", "GND", "SCL", "SDA", "VIN-", "VIN+"]


def test_a_pico_has_the_pads_of_its_data_sheet():
    found = numbers("pico_w", "U1")
    assert found == {"GND": "38", "3V3(OUT)": "36", "GP4": "6", "GP5": "7"}


@pytest.mark.parametrize("name", BUILT)
def test_the_order_of_the_source_does_not_matter(name):
    shuffled = circuit(BOARDS[name], TABLES)
    for net in shuffled.nets.values():
        net.reverse()
    again = circuit(BOARDS[name], TABLES)
    assert {r: p.numbers for r, p in shuffled.parts.items()} == {
        r: p.numbers for r, p in again.parts.items()
    }


@pytest.fixture
def hardware(tmp_path):
    """Copy the tables, so that a test may damage them."""
    shutil.copy(HARDWARE / "mcus.toml", tmp_path / "mcus.toml")
    for name in ("parts", "builds"):
        shutil.copytree(HARDWARE / name, tmp_path / name)
    return tmp_path


FAULTS = [
    ('SDA = "4", "VIN-"', '"VIN-"', "ina219.numbers: no number for SDA"),
    ('SCL = "3", SDA = "4", "VIN-"', 'SCL = "4", SDA = "4", "VIN-"', "two pins have one number"),
    ('VCC = "1", GND', 'VDD = "9", VCC = "1", GND', "ina219.numbers: numbers no pin: VDD"),
    ('shunt_max_mV = "TI', 'shunt_mV = "TI', "ina219.shunt_max_mV: has no entry in sources"),
    ('pins = "order of the 6-pin', 'pin = "order of the 6-pin', "ina219.pins: has no entry"),
]


@pytest.mark.parametrize(("old", "new", "words"), FAULTS)
def test_a_number_or_a_source_that_is_missing_is_a_fault(hardware, old, new, words):
    path = hardware / "parts/modules.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))  # the first is the INA219's
    with pytest.raises(HardwareError) as caught:
        read_tables(hardware)
    assert len(caught.value.faults) == 1
    assert re.match(r"modules\.toml:\d+: ", caught.value.faults[0])
    assert words in caught.value.faults[0]


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("parts/modules.toml", 'connector = "xh-6"', 'connector = "xh-9"', "no part 'xh-9'"),
        ("parts/modules.toml", 'connector = "xh-6"', 'connector = "xh-5"', "too few contacts"),
        (
            "parts/passives.toml",
            'footprint = "Button_Switch_THT:SW_PUSH_6mm"\n',
            "",
            "neither a footprint nor",
        ),
        ("mcus.toml", 'connector = "pico-sockets"', 'connector = "x"', "there is no part 'x'"),
        ("mcus.toml", 'VSYS = "39"\n', "", "no pad for VSYS"),
        ("builds/switched.toml", 'boost = "U4"', 'boost = "U44"', "chain.boost: there is no part"),
        ("builds/switched.toml", 'cell = ["BT1", "F1"]', 'cell = ["BT2"]', "no part 'BT2'"),
    ],
)
def test_a_reference_to_nothing_names_its_line(hardware, file, old, new, words):
    path = hardware / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(HardwareError) as caught:
        read_tables(hardware)
    assert any(words in fault for fault in caught.value.faults), caught.value.faults
    assert all(re.match(r"\w+\.toml:\d+: ", fault) for fault in caught.value.faults)


def test_one_name_for_two_parts_is_a_fault(hardware):
    path = hardware / "parts/passives.toml"
    path.write_text(path.read_text().replace("[r-1k]", "[ina219]"))
    with pytest.raises(HardwareError, match="there are two parts of this name"):
        read_tables(hardware)


def test_a_pin_that_is_not_led_out_is_a_fault(faults):
    found = faults("feather_esp32s3", 'led = "D13"', 'led = "I2C_POWER"')
    assert any("is not led out to a pad" in fault for fault in found)


@pytest.mark.skipif(not KICAD.is_dir(), reason="needs KiCad's footprints, .ci/kicad installs them")
@pytest.mark.parametrize("name", BUILT)
def test_every_number_is_a_pad_of_its_footprint(name):
    for ref, part in circuit(BOARDS[name], TABLES).parts.items():
        library, _, footprint = part.footprint.partition(":")
        own = HARDWARE / "kicad" / f"{library}.pretty"
        folder = own if own.is_dir() else KICAD / f"{library}.pretty"
        pads = set(re.findall(r'\(pad "([^"]+)"', (folder / f"{footprint}.kicad_mod").read_text()))
        assert set(part.numbers.values()) <= pads, (ref, part.footprint)
