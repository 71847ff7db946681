# SPDX-License-Identifier: MIT
"""The keys file: private from its first byte, and errors that never show a key."""

import os
import stat

import pytest

from crowdcharge.boards import keys
from crowdcharge.errors import InputError

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
    for key in (first, second, third):
        keys.save(path, *keys.rotated(path, 7, key))
    keys.save(path, *keys.rotated(path, 8, first))
    assert keys.load(path) == {7: third, 8: first}
    assert keys.load_retired(path) == {7: [first, second]}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
