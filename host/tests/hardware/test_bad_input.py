# SPDX-License-Identifier: MIT
"""Files that are no TOML, no board, or no text: one line a fault, with its place."""

import re
import shutil
import subprocess
import sys

import pytest
from generator.outputs import load, outputs
from generator.source import HARDWARE, HardwareError, read_board
from generator.tables import read_tables

# old text, new text, start of the faulty line ("" = line 1), words
SCHEMA_FAULTS = [
    ("schema = 1", "schema = 2", "schema", "must be 1"),
    ("freq_Hz = 400_000", 'freq_Hz = "fast"', "freq_Hz", "is not of type 'integer'"),
    ("shunt_uOhm = 100_000", "shunt_uOhm = 0.1", "shunt_uOhm", "is not of type 'integer'"),
    ("tx_address = 0x40", "tx_address = 0x140", "tx_address", "greater than the maximum"),
    ("watchdog_ms = 8000", "watchdog_s = 8", "[limits]", "'watchdog_ms' is a required property"),
    ('tx_enable = "D11"', 'tx_enabel = "D11"', "[pins]", "unknown key"),
    ('name = "feather_esp32s3"', 'name = "feather"', "name", "must be the file's name"),
    ('vm = "micropython"', 'vm = "lua"', "vm", "'lua' is not one of"),
    ("[i2c]", "[i2c", "[i2c", "is not TOML"),
    ("id = 0", "id = = 0", "id = =", "is not TOML"),
    (
        'vm = "micropython"',
        'vm = "micropython"\nextends = "nothing"',
        "extends",
        "no board 'nothing'",
    ),
    (
        'vm = "micropython"',
        'vm = "micropython"\nextends = "virtual"',
        "extends",
        "extends another",
    ),
]


@pytest.mark.parametrize(("old", "new", "at", "words"), SCHEMA_FAULTS)
def test_fault_names_the_line(faults, lines_of, old, new, at, words):
    found = faults("feather_esp32s3", old, new)
    hits = [fault for fault in found if words in fault]
    places = lines_of("feather_esp32s3", at)
    assert any(fault.startswith(line) for fault in hits for line in places), found


def test_bytes_that_are_no_text(boards):
    path = boards / "feather_esp32s3.toml"
    path.write_bytes(b"schema = 1\nname = '\xff\xfe'\n")
    with pytest.raises(HardwareError, match=r"feather_esp32s3\.toml:2: is not UTF-8 text"):
        read_board(path)


def test_a_file_that_cannot_be_read(tmp_path):
    (tmp_path / "x.toml").mkdir()
    with pytest.raises(HardwareError, match=r"x\.toml:1: cannot be read"):
        read_board(tmp_path / "x.toml")


def test_check_passes_on_this_tree():
    script = HARDWARE / "generate.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


# file below hardware/, old text, new text, start of the fault
TABLE_FAULTS = [
    (
        "mcus.toml",
        'title = "Seeed XIAO ESP32-S3"',
        'titel = "x"',
        "seeed-xiao-esp32s3: 'title' is",
    ),
    (
        "mcus.toml",
        'D8 = [7, "adc"]',
        'D8 = [7, "dac"]',
        "seeed-xiao-esp32s3.pins.D8.1: 'dac' is not",
    ),
    (
        "mcus.toml",
        "watchdog_max_ms = 8388 ",
        "watchdog_max_ms = 8.388 ",
        "raspberry-pi-pico-w.watchdog",
    ),
    ("parts/semiconductors.toml", '{ VIN = "power_in"', '{ VIN = "powerin"', "tps22918.pins"),
    ("parts/semiconductors.toml", "[tps22918]", "[tps22918", "is not TOML"),
    (
        "builds/switched.toml",
        'TX_5V = ["U4.5V", "U5.5V"]',
        'TX_5V = ["5V"]',
        "nets.TX_5V.0: '5V' must",
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "words"), TABLE_FAULTS)
def test_a_fault_in_a_table_names_file_line_and_key(tmp_path, file, old, new, words):
    shutil.copy(HARDWARE / "mcus.toml", tmp_path / "mcus.toml")
    for name in ("parts", "builds"):
        shutil.copytree(HARDWARE / name, tmp_path / name)
    path = tmp_path / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(HardwareError) as caught:
        read_tables(tmp_path)
    hits = [fault for fault in caught.value.faults if words in fault]
    assert len(hits) == 1, caught.value.faults
    assert re.match(rf"{path.name}:\d+: ", hits[0])


def test_a_build_without_a_place_for_the_gauge():
    boards, tables = load(HARDWARE / "boards")
    del tables.builds["switched"]["gauge"]
    with pytest.raises(HardwareError, match=r"builds/switched\.toml:1: .* no \[gauge\]"):
        outputs(boards, tables)


def test_a_build_that_names_an_unknown_part():
    boards, tables = load(HARDWARE / "boards")
    tables.builds["switched"]["parts"]["R1"] = "r-1M"
    with pytest.raises(HardwareError, match=r"parts:1: there is no part 'r-1M'"):
        outputs(boards, tables)
