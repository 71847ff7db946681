# SPDX-License-Identifier: MIT
"""Files that are no TOML, no board, or no text: one line a fault, with its place."""

import subprocess
import sys

import pytest
from generator.source import HARDWARE, HardwareError, read_board

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
