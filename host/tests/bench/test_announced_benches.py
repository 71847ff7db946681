# SPDX-License-Identifier: MIT
"""Which bench a fault reaches: by name, by radio, or the only one; never somebody else's."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from crowdcharge.bench import config
from crowdcharge.bench.hub.launch import launch
from crowdcharge.cli import benches
from crowdcharge.errors import BenchError, InputError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@contextmanager
def up(home: Path, name: str, transport: str) -> Iterator[Path]:
    """Open a control socket that listens, as a bench's does, and announce it."""
    control = home / f"{name}.socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(control))
        listener.listen()
        with benches.announced(benches.Announced(name, control, (transport,))) as is_found:
            assert is_found
            yield control


def test_the_only_bench_needs_no_name(home: Path) -> None:
    with pytest.raises(BenchError, match="no bench is up"):
        benches.control_of()
    with up(home, "desk", "tcp-client:127.0.0.1:1") as control:
        assert benches.control_of() == control
    with pytest.raises(BenchError, match="no bench is up"):
        benches.control_of()


def test_of_two_benches_one_must_be_named(home: Path) -> None:
    with ExitStack() as running:
        mine = running.enter_context(up(home, "mine", "tcp-client:127.0.0.1:1"))
        theirs = running.enter_context(up(home, "theirs", "tcp-client:127.0.0.1:2"))
        with pytest.raises(BenchError, match=r"mine, theirs.*--bench NAME"):
            benches.control_of()
        assert benches.control_of("theirs") == theirs
        assert benches.control_of(transport="tcp-client:127.0.0.1:1") == mine
        with pytest.raises(BenchError, match="no bench other is up"):
            benches.control_of("other")
        with pytest.raises(BenchError, match="no bench with the radio"):
            benches.control_of(transport="tcp-client:127.0.0.1:3")
        with pytest.raises(InputError, match="a bench mine is up already"):
            benches.check_name("mine")
        assert benches.free_name("mine") == "mine-2"


def test_what_a_killed_bench_left_is_no_bench(home: Path) -> None:
    folder = benches.folder()
    folder.mkdir(parents=True)
    (folder / "dead.json").write_text('{"control": "/nowhere", "transports": []}')
    for number, text in enumerate(("", "[]", "null", "{}", '{"control": 3}', "[" * 100)):
        (folder / f"broken{number}.json").write_text(text)
    assert benches.found() == []
    assert benches.check_name("dead") == "dead"


@pytest.mark.parametrize("name", ["", "a/b", "../x", "a b", "x" * 65, "a\0b", "a\n"])
def test_a_name_that_cannot_be_a_files_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        benches.check_name(name)


def test_a_home_that_takes_no_files_is_no_error(home: Path) -> None:
    (home / "cache").write_text("a file where the cache should be")
    with benches.announced(benches.Announced("x", home / "x", ())) as is_found:
        assert not is_found
    assert benches.found() == []


async def test_a_folder_too_deep_for_sockets_is_said(home: Path) -> None:
    deep = home.joinpath(*["folder"] * 20)
    with pytest.raises(InputError, match="too long a path for sockets"):
        async with launch(None, deep):
            pass


def test_circuitpython_has_a_board_of_its_own() -> None:
    text = '[[boards]]\nid = 1\nsoc_pct = 50\nport = "circuitpython"\n'
    assert config.parse(text).boards[0].board == "feather_nrf52840"
    with pytest.raises(InputError, match=r"line 5: boards\[0\].board: virtual runs micropython"):
        config.parse(text + 'board = "virtual"\n')
