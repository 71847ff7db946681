# SPDX-License-Identifier: MIT
"""The keys file: private from its first byte, and errors that never show a key."""

import os
import stat
import subprocess
import sys
from hashlib import sha256

import pytest

from crowdcharge.boards import keys
from crowdcharge.errors import InputError
from wptcore.console_commands import fingerprint

KEY = bytes(range(32))


def test_saved_keys_load_and_are_private(tmp_path):
    path = tmp_path / "keys.toml"
    keys.save(path, {7: KEY, 65534: bytes(32)})
    assert keys.load(path) == {7: KEY, 65534: bytes(32)}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["keys.toml"]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_open_to_others_is_refused(tmp_path, mode):
    path = tmp_path / "keys.toml"
    keys.save(path, {7: KEY})
    path.chmod(mode)
    with pytest.raises(InputError, match="chmod 600"):
        keys.load(path)


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "keys = 3",
        "[other]",
        '[keys]\n7 = "zz"',
        '[keys]\nseven = "' + KEY.hex() + '"',
        '[keys]\n0 = "' + KEY.hex() + '"',
        '[keys]\n07 = "' + KEY.hex() + '"',
        '[keys]\n"\u0667" = "' + KEY.hex() + '"',
        '[keys]\n7 = "' + KEY.hex()[:-2] + '"',
        "[keys]\n7 = 12",
        "[keys]\n[retired]\n7 = 12",
        "[keys]\n[retired]\n7 = [12]",
        "retired = 12\n[keys]",
        '[keys]\n[retired]\nseven = ["' + KEY.hex() + '"]',
    ],
)
def test_malformed_keys_are_one_clear_line_without_a_key(tmp_path, text):
    path = tmp_path / "keys.toml"
    path.write_text(text)
    path.chmod(0o600)
    read = keys.load_retired if "retired" in text else keys.load
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert KEY.hex()[:20] not in str(caught.value)


def test_a_wrong_key_is_found_by_its_line(tmp_path):
    path = tmp_path / "keys.toml"
    path.write_text(f'[keys]\n7 = "{KEY.hex()}"\n[retired]\n7 = [\n"{KEY.hex()}",\n"5a"]\n')
    path.chmod(0o600)
    assert keys.load(path) == {7: KEY}
    with pytest.raises(InputError) as caught:
        keys.load_retired(path)
    assert str(caught.value) == f"{path}, line 6: retired.7[1]: must be 64 hexadecimal digits"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        keys.load(tmp_path / "none.toml")


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    with pytest.raises(InputError):
        keys.save(tmp_path / "none" / "keys.toml", {7: KEY})


def test_a_replaced_key_is_kept_as_retired(tmp_path):
    path = tmp_path / "keys.toml"
    first, second, third = (bytes([number]) * 32 for number in (1, 2, 3))
    shown = "none"
    for key in (first, second, third):
        keys.reserve(path, 7, key, shown)
        keys.confirm(path, 7, key)
        shown = fingerprint(sha256, key)
    keys.reserve(path, 8, first, "none")
    keys.confirm(path, 8, first)
    assert keys.load(path) == {7: third, 8: first}
    assert keys.load_retired(path) == {7: [first, second]}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_number_that_another_board_holds_is_refused_and_nothing_changes(tmp_path):
    path = tmp_path / "keys.toml"
    keys.save(path, {7: KEY})
    before = path.read_bytes()
    for shown in ("none", fingerprint(sha256, bytes(32))):
        with pytest.raises(InputError, match="number 7 is another board's"):
            keys.reserve(path, 7, bytes([9]) * 32, shown)
    assert path.read_bytes() == before


def test_an_interrupted_provisioning_is_repeated_and_no_key_is_lost(tmp_path):
    """Broken off before the board answered: it may have either key, and both are kept."""
    path = tmp_path / "keys.toml"
    first, second, third = (bytes([number]) * 32 for number in (1, 2, 3))
    keys.reserve(path, 7, first, "none")
    assert keys.load(path) == {}
    for shown in ("none", fingerprint(sha256, first)):
        keys.reserve(path, 7, second, shown)
    keys.confirm(path, 7, second)
    for shown in (fingerprint(sha256, first), fingerprint(sha256, second)):
        keys.reserve(path, 7, third, shown)
    keys.confirm(path, 7, third)
    assert keys.load(path) == {7: third}
    assert set(keys.load_retired(path)[7]) == {first, second}


def test_two_new_boards_that_take_one_number_at_once_are_told(tmp_path):
    path = tmp_path / "keys.toml"
    one, other = bytes([1]) * 32, bytes([2]) * 32
    keys.reserve(path, 7, one, "none")
    keys.reserve(path, 7, other, "none")
    keys.confirm(path, 7, one)
    with pytest.raises(InputError, match="another board was made number 7 meanwhile"):
        keys.confirm(path, 7, other)
    assert keys.load(path) == {7: one}
    assert keys.load_retired(path) == {7: [other]}


_TAKES_A_NUMBER = """
import sys
from pathlib import Path
from crowdcharge.boards import keys
path, board_id = Path(sys.argv[1]), int(sys.argv[2])
for turn in range(20):
    key = bytes([board_id, turn]) * 16
    keys.reserve(path, board_id * 100 + turn, key, "none")
    keys.confirm(path, board_id * 100 + turn, key)
"""


def test_four_provisions_at_once_keep_all_keys(tmp_path):
    path = tmp_path / "keys.toml"
    command = [sys.executable, "-c", _TAKES_A_NUMBER, str(path)]
    running = [subprocess.Popen([*command, str(number)]) for number in (1, 2, 3, 4)]
    assert [each.wait() for each in running] == [0, 0, 0, 0]
    assert len(keys.load(path)) == 80
    assert [each.name for each in tmp_path.iterdir()] == ["keys.toml"]


def test_a_link_to_the_keys_stays_a_link(tmp_path):
    real, link = tmp_path / "safe.toml", tmp_path / "keys.toml"
    link.symlink_to(real)
    keys.save(link, {7: KEY})
    assert link.is_symlink()
    assert keys.load(real) == {7: KEY}
