# SPDX-License-Identifier: MIT
"""Files that are no plain files: pipes, devices, links in a circle; none is waited for or lost."""

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from crowdcharge.boards import keys as key_file
from crowdcharge.cli.event_log import EventLog
from crowdcharge.errors import InputError
from crowdcharge.files import locked, read_text, write_whole
from crowdcharge.ledger import people
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


def _add_a_person(path: Path) -> None:
    with people.changing(path) as table:
        table.add("Bo", [3])


def _reserve_a_number(path: Path) -> None:
    key_file.reserve(path, 3, bytes(32), "")


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


@pytest.mark.parametrize(
    "text",
    [
        "# the boards of the desk\n[keys]\n7 = 'ab'\n",
        f'key = "{"ab" * 32}"\n',
        "-----BEGIN PRIVATE KEY-----\nMC4\n",
        '[people]\n"Ann" = [1]\n',
        "SQLite format 3\0",
    ],
)
def test_no_result_takes_the_place_of_keys_names_or_a_ledger(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kept"
    path.write_text(text)
    with pytest.raises(InputError, match="name another file to write to"):
        write_whole(path, b"x")
    assert path.read_text() == text


def test_a_result_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    write_whole(path, b"seq,key\n")
    write_whole(path, b"seq\n")
    assert path.read_bytes() == b"seq\n"


@pytest.mark.parametrize("change", [_add_a_person, _reserve_a_number])
def test_a_file_of_another_kind_is_not_made_one_of_names_or_keys(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    path = tmp_path / "other.toml"
    path.write_text("[keys]\n[people]\n[more]\nx = 1\n")
    path.chmod(0o600)
    with pytest.raises(InputError, match="unknown key"):
        change(path)
    assert "x = 1" in path.read_text()


def test_a_log_goes_on_in_a_log_only(tmp_path: Path, pipe: Path) -> None:
    log, other = tmp_path / "log.jsonl", tmp_path / "run.toml"
    log.write_text('{"event": "BoardSeen"}\n')
    EventLog(log, pytest.fail)
    other.write_text("[run]\n")
    for path, words in ((other, "is no log of events"), (pipe, "cannot write the log")):
        with pytest.raises(InputError, match=words):
            EventLog(path, pytest.fail)
