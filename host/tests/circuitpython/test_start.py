# SPDX-License-Identifier: MIT
"""What goes on a CircuitPython board, and what it does before our firmware runs."""

import subprocess
from pathlib import Path

import pytest

from crowdcharge.bench.board import micropython
from crowdcharge.flash import drive, firmware_tree, tree

BOOT_OUT = "Adafruit CircuitPython 9.2.1 on 2024-11-20; a board\n"
FAKES = {
    "app.py": "class App:\n    def __init__(self, pins, identity, power):\n"
    "        print('app', pins.NAME)\n"
    "    def run(self):\n        print('runs')\n",
    "memory.py": "def load_identity():\n    return {}\n",
    "power_pins.py": "class PowerPins:\n    def __init__(self, pins):\n        pass\n"
    "    def off(self):\n        print('off')\n",
    "board_hal.py": "",
    "mine_meter.py": "",
    "wptcore/board.py": "",
    "wptcore/console_commands.py": "",
    "wptcore/wire.py": "",
    "boards/mine.py": "NAME = METER = 'mine'\n",
}


def test_settings_and_safe_mode_are_deployed():
    files = firmware_tree.files("circuitpython")
    assert {"code.py", "safemode.py", "settings.toml", "app.py", "board_loop.py"} <= files.keys()
    assert "settings.toml" not in firmware_tree.files("micropython")


@pytest.mark.parametrize("name", ["feather_esp32s3_cp", "feather_nrf52840", "xiao_nrf52840"])
def test_a_drives_settings_name_its_own_board(tmp_path: Path, name: str):
    (tmp_path / "boot_out.txt").write_text(BOOT_OUT)
    kind = tree.board_kind(name)
    drive.flash(kind, str(tmp_path))
    assert f'CROWDCHARGE_BOARD = "{name}"\n' in (tmp_path / "settings.toml").read_text()
    assert drive.flash(kind, str(tmp_path)).copied == ()


@pytest.mark.vm
@pytest.mark.parametrize(
    ("mark", "board", "said"),
    [
        ("", "mine", "app mine\nruns\noff\noff\n"),
        ("on", "mine", "app mine\nruns\noff\noff\n"),
        ("flash", "mine", "crowdcharge: half-flashed; run crowdcharge flash again\n"),
        ("", "", "crowdcharge: settings.toml must name the board in CROWDCHARGE_BOARD\n"),
    ],
)
def test_code_py_starts_only_what_is_whole(tmp_path: Path, mark: str, board: str, said: str):
    """The real code.py on the VM; only what it starts is a stand-in."""
    code = (firmware_tree.root() / "ports" / "circuitpython" / "code.py").read_text()
    for path, text in {**FAKES, "code.py": code}.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    if mark:
        (tmp_path / "maintenance").write_text(mark)
    ran = subprocess.run(
        [str(micropython.binary()), "code.py"],
        cwd=tmp_path,
        env={"CROWDCHARGE_BOARD": board} if board else {},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout == said
