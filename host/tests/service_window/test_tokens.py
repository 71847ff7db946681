# SPDX-License-Identifier: MIT
"""The two token files: made once, private, and refused in one line if they are not."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from crowdcharge.errors import InputError
from crowdcharge.service.window.tokens import Right, tokens_in


def test_they_are_made_private_and_stay(tmp_path: Path) -> None:
    made = tokens_in(tmp_path)
    assert made.act != made.watch
    assert len(made.act) >= 43  # 256 bits
    for name in ("token", "token-view"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert tokens_in(tmp_path) == made


def test_each_gives_its_right(tmp_path: Path) -> None:
    made = tokens_in(tmp_path)
    assert made.right(made.act) is Right.ACT
    assert made.right(made.watch) is Right.WATCH
    for wrong in ("", made.act[:-1], made.act + "x", made.act.swapcase(), "ä", "\udcff"):
        assert made.right(wrong) is Right.NONE


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_token_that_others_reach_is_refused(tmp_path: Path, mode: int) -> None:
    tokens_in(tmp_path)
    (tmp_path / "token").chmod(mode)
    with pytest.raises(InputError, match="others can read the token file"):
        tokens_in(tmp_path)


@pytest.mark.parametrize("content", [b"", b"short\n", b"a b" * 20, b"\xff" * 43, b"x" * 10_000])
def test_what_is_no_token_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token-view"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(InputError, match="holds no token"):
        tokens_in(tmp_path)


def _link(token: Path) -> None:
    token.symlink_to(token.with_name("token-view"))


@pytest.mark.parametrize("make", [_link, os.mkfifo, Path.mkdir], ids=["link", "pipe", "folder"])
def test_neither_a_link_nor_a_pipe_nor_a_folder_is_read(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    tokens_in(tmp_path)
    (tmp_path / "token").unlink()
    make(tmp_path / "token")
    with pytest.raises(InputError, match="the token file"):
        tokens_in(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_another_users_token_is_refused(tmp_path: Path) -> None:
    tokens_in(tmp_path)
    os.chown(tmp_path / "token", 12345, 12345)
    with pytest.raises(InputError, match="belongs to another user"):
        tokens_in(tmp_path)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write"):
        tokens_in(tmp_path / "none")
