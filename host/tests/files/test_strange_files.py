# SPDX-License-Identifier: MIT
"""Files that are no plain files: pipes, devices, links in a circle; none is waited for or lost."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from crowdcharge.errors import InputError
from crowdcharge.files import locked, read_text, write_whole
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.run_folder import RunFolder


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path, 0o600)
    return path


@pytest.fixture
def circle(tmp_path: Path) -> Path:
    path = tmp_path / "circle"
    path.symlink_to("circle")
    return path


def test_a_pipe_without_a_writer_is_not_waited_for(pipe: Path) -> None:
    with pytest.raises(InputError, match="pipe: a pipe that nobody writes to"):
        read_text(pipe)


def test_what_a_command_writes_is_read_to_its_end() -> None:
    """As a shell's <(COMMAND) is."""
    slow = ["sh", "-c", "sleep 0.2; echo one; sleep 0.2; echo two"]
    with subprocess.Popen(slow, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert read_text(Path(f"/dev/fd/{process.stdout.fileno()}")) == "one\ntwo\n"


def test_a_circle_of_links_is_one_line(circle: Path) -> None:
    for work in (read_text, _write, _lock, Store.create):
        with pytest.raises(InputError, match=r"circle.*symbolic links"):
            work(circle)


def _write(path: Path) -> None:
    write_whole(path, b"")


def _lock(path: Path) -> None:
    with locked(path):
        pass


def test_nothing_takes_the_place_of_a_pipe_or_a_device(pipe: Path) -> None:
    with pytest.raises(InputError, match="it is no plain file"):
        write_whole(pipe, b"x")
    with pytest.raises(InputError, match="not a crowdcharge ledger"):
        Store.create(pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert [each.name for each in pipe.parent.iterdir()] == ["pipe"]


def test_a_pipe_where_a_result_goes_is_kept_aside(pipe: Path) -> None:
    RunFolder(pipe.parent).put(pipe.name, b"x")
    assert pipe.read_bytes() == b"x"
    assert stat.S_ISFIFO(pipe.with_name("pipe.kept-1").stat().st_mode)
