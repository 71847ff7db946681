# SPDX-License-Identifier: MIT
"""What goes on which board, and CircuitPython's way over its drive (a folder stands for it)."""

import pytest

from crowdcharge.errors import FlashError, InputError
from crowdcharge.flash import drive, tree

from ..command import run_command

NRF = tree.board_kind("feather_nrf52840")
BOOT_OUT = "Adafruit CircuitPython 9.2.1 on 2024-11-20; Adafruit Feather nRF52840 Express\n"


@pytest.fixture
def circuitpy(tmp_path):
    folder = tmp_path / "CIRCUITPY"
    folder.mkdir()
    (folder / "boot_out.txt").write_text(BOOT_OUT)
    (folder / "lib").mkdir()
    (folder / "lib" / "mine.py").write_text("kept = 1\n")
    return folder


def test_a_micropython_board_gets_its_own_files_compiled(tmp_path):
    files = tree.build(tree.board_kind("virtual"), tmp_path)
    assert {"main.py", "app.mpy", "wptcore/board.mpy", "boards/virtual.mpy"} <= files.keys()
    assert [name for name in files if name.endswith(".py")] == ["main.py"]
    assert [name for name in files if name.startswith("boards/")] == ["boards/virtual.mpy"]
    again = tree.build(tree.board_kind("virtual"), tmp_path / "again")
    assert {n: tree.digest(p) for n, p in files.items()} == {
        n: tree.digest(p) for n, p in again.items()
    }, "where it is compiled must not show, or every flash would copy everything"


def test_what_does_not_compile_is_one_line(tmp_path):
    port = tmp_path / "port"
    port.mkdir()
    (port / "main.py").write_text("pass\n")
    (port / "app.py").write_text("def broken(:\n")
    with pytest.raises(FlashError, match=r"cannot compile app\.py, line 1"):
        tree.build(tree.board_kind("virtual"), tmp_path / "out", port)


def test_stale_files_are_those_that_an_import_would_find():
    wanted = dict.fromkeys(("app.mpy", "wptcore/board.mpy", "lib/adafruit_ina219.mpy"))
    present = dict.fromkeys(
        ("app.py", "app.mpy", "notes.txt", "wptcore/old.mpy", "lib/adafruit_ina219.py", "lib/x.py")
    )
    assert tree.stale(wanted, present) == ["app.py", "lib/adafruit_ina219.py", "wptcore/old.mpy"]


def test_a_drive_gets_what_changed_and_keeps_what_is_not_ours(circuitpy):
    first = drive.flash(NRF, str(circuitpy))
    assert "wptcore/board.py" in first.copied
    assert drive.flash(NRF, str(circuitpy)).copied == ()
    (circuitpy / "wptcore" / "board.py").write_text("torn")
    (circuitpy / "wptcore" / "gone.py").write_text("stale")
    again = drive.flash(NRF, str(circuitpy))
    assert (again.copied, again.removed) == (("wptcore/board.py",), ("wptcore/gone.py",))
    assert (circuitpy / "lib" / "mine.py").exists()
    assert not (circuitpy / "maintenance").exists()


def test_an_interrupted_copy_leaves_the_mark(circuitpy):
    def full(text):
        if "wptcore/fod" in text:
            raise OSError(28, "No space left on device")

    with pytest.raises(FlashError, match="No space left on device: flash again"):
        drive.flash(NRF, str(circuitpy), progress=full)
    assert (circuitpy / "maintenance").read_text() == "flash"
    assert drive.flash(NRF, str(circuitpy)).copied
    assert not (circuitpy / "maintenance").exists()


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (None, "no CircuitPython drive"),
        ("something else", "9 or newer"),
        ("CircuitPython 8.2.0", "9 or newer"),
    ],
)
def test_another_drive_is_one_line(circuitpy, told, words):
    (circuitpy / "boot_out.txt").unlink()
    if told is not None:
        (circuitpy / "boot_out.txt").write_text(told)
    with pytest.raises(InputError, match=words):
        drive.flash(NRF, str(circuitpy))
    assert not (circuitpy / "wptcore").exists()


def test_a_micropython_board_has_no_drive(circuitpy):
    with pytest.raises(InputError, match="over its serial port"):
        drive.flash(tree.board_kind("virtual"), str(circuitpy))


def test_a_drive_s_board_runs_what_it_had_until_its_button_is_pressed(circuitpy):
    flash = ["flash", "--board", NRF.name, "--port", circuitpy]
    first, again = (run_command(*flash).stdout.splitlines() for _ in range(2))
    assert first[-1].startswith("Press the board's reset button")
    assert "holds the firmware of feather_nrf52840: 0 files copied" in again[-1]
