# SPDX-License-Identifier: MIT
"""Commands as processes: what reaches a pipe, a closed stream, an old terminal, a strange home."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from crowdcharge.boards import keys as key_file
from crowdcharge.ledger import kinds
from crowdcharge.ledger.store import Store
from crowdcharge.radio.base import Advert
from crowdcharge.radio.replay_radio import dump
from wptcore import alias, wire

from ..command import COMMAND

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
LONG = "C0:DE:00:00:00:07-" + "F" * 40


def beacon(board_id: int) -> bytes:
    buffer = bytearray(wire.BEACON_SIZE)
    wire.pack_beacon_into(buffer, 0, board_id, 1, 2, 0, 0, 4012, -150, 421, 253, 0, 1000, 2000)
    return bytes(buffer)


def hidden(board_id: int, key: int, nonce: int) -> bytes:
    """Return what a board advertises that hides, of a crowd of its own."""
    host = alias.host_key(sha256, bytes([key]) * 32)
    return alias.pack(sha256, host, b"crowd", bytes([nonce]) * 6, board_id, 2, 50)


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Return a folder with a recording, a ledger whose texts are hostile, and a run's file."""
    heard = [(60.0, LONG, 7), (60.01, "\x1b[31mE\x07\u202eVIL", 7), (60.02, "B", 9)]
    lines = [dump(time_s, Advert(address, -60, beacon(board))) for time_s, address, board in heard]
    (tmp_path / "adverts.jsonl").write_text("\n".join(lines))
    with Store.create(tmp_path / "ledger.sqlite") as store:
        store.append([kinds.Run("\x1b]0;evil\x07", seed=3, vm="=1+1")])
        store.append([kinds.Open(5, 1, 2, energy_max_mJ=9, power_max_mW=0, t_ms=1)])
    key_file.save(tmp_path / "keys.toml", {1: bytes([1]) * 32, 2: bytes([2]) * 32})
    (tmp_path / "run.toml").write_text(
        '[run]\npolicy = "online-average"\nkeys = "keys.toml"\nout = "out"\n'
        "[contacts]\nslots = [[[1, 2]]]\n"
    )
    return tmp_path


def run(
    world: Path, *arguments: str, env: dict[str, str] | None = None, **streams: Any
) -> tuple[int, str, str]:
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    given: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=world, env=environment | (env or {}), check=False,
        timeout=100, **given,
    )  # fmt: skip
    assert b"Traceback" not in (done.stderr or b"")
    return done.returncode, (done.stdout or b"").decode(), (done.stderr or b"").decode()


SCAN = ("scan", "--replay", "adverts.jsonl", "--seconds", "0.3")


@pytest.mark.parametrize(
    "arguments",
    [
        (*SCAN, "--json"),
        ("ledger", "show", "ledger.sqlite", "--json"),
        ("ledger", "export", "ledger.sqlite", "--format", "json"),
        ("run", "run.toml", "--check", "--json"),
        ("trade", str(EXAMPLES / "market.json"), "--json"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_stdout_is_one_document(world: Path, arguments: tuple[str, ...]) -> None:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    code, out, _ = run(world, *arguments)
    assert code == 0
    assert json.loads(out, parse_constant=refuse)


def test_a_pipe_gets_whole_lines_and_every_address(world: Path) -> None:
    code, out, _ = run(world, *SCAN)
    assert code == 0
    assert LONG in out
    assert "…" not in out
    assert out.count("2 addresses have this number") == 2
    assert len(out.splitlines()) == 4
    assert all(line == line.rstrip() for line in out.splitlines())


def test_boards_of_wire_version_1_stand_beside_the_others(world: Path) -> None:
    with (world / "adverts.jsonl").open("a") as file:
        file.write("\n" + dump(60.03, Advert("\x1b[31mOLD", -60, b"\x01" + beacon(7)[2:])))
    document = json.loads(run(world, *SCAN, "--json")[1])
    assert [board["board_id"] for board in document["boards"]] == [7, 7, 9]
    old = {"board_id": 7, "address": "\x1b[31mOLD", "wire_version": 1}
    assert document["maybe_old"] == [old]
    assert r"\x1b[31mOLD: if this is board 7, it speaks wire version 1" in run(world, *SCAN)[1]


def test_hidden_boards_are_known_by_their_keys_and_strangers_stay_strangers(world: Path) -> None:
    """Boards 1 and 9 hide, 7 does not; the keys are of 1 and 2."""
    lines = [
        dump(60.03 + number / 100, Advert(address, -70 - number, hidden(board, key, number)))
        for number, (address, board, key) in enumerate(
            [("H1", 1, 1), ("H1", 1, 1), ("N1", 1, 1), ("H9", 9, 9)]
        )
    ]
    with (world / "adverts.jsonl").open("a") as file:
        file.write("\n" + "\n".join(lines))
    document = json.loads(run(world, *SCAN, "--keys", "keys.toml", "--json")[1])
    found = [(each["board_id"], each["address"], each["heard"]) for each in document["boards"]]
    assert found[:2] == [(1, "H1", 2), (1, "N1", 1)]
    assert [each for each, _, _ in found[2:]] == [7, 7, 9]
    first, seven = document["boards"][0], document["boards"][2]
    assert (first["hidden"], first["soc_pct"], first["state"]) == (True, None, None)
    assert (seven["hidden"], seven["state"]) == (False, "IDLE")
    assert document["hidden"] == [{"address": "H9", "rssi_dBm": -73}]
    out = run(world, *SCAN, "--keys", "keys.toml")[1]
    assert "hidden: it shows this host its number only, 2 addresses have this number" in out
    assert "H9, -73 dBm: a hidden board whose key is not here" in out
    without = json.loads(run(world, *SCAN, "--json")[1])
    assert [each["board_id"] for each in without["boards"]] == [7, 7, 9]
    assert [each["address"] for each in without["hidden"]] == ["H1", "N1", "H9"]


def test_keys_that_cannot_be_read_are_one_line(world: Path) -> None:
    code, out, err = run(world, *SCAN, "--keys", "none.toml")
    assert (code, out, err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("name", ["PYTHONIOENCODING=ascii", "NO_COLOR=1", "LC_ALL=C"])
def test_nothing_hostile_reaches_a_terminal(world: Path, name: str) -> None:
    env = dict([name.split("=")])
    code, out, _ = run(world, *SCAN, env=env)
    assert code == 0
    assert r"\x1b[31mE\x07\u202eVIL" in out
    assert not any(character in out for character in "\x1b\x07\u202e")
    code, _, err = run(world, "ledger", "show", "no\x1b[31mne\nhere\udcff.sqlite", env=env)
    assert code == 2
    assert err.count("\n") == 1
    assert "\x1b" not in err


def test_a_reader_that_has_seen_enough_is_no_error(world: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        _, _, err = run(world, *SCAN, stdout=writer)
    finally:
        os.close(writer)
    assert err == ""


def test_a_full_disk_under_stdout_is_one_line(world: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        code, _, err = run(world, *SCAN, stdout=full)
    assert code == 1
    assert (err.startswith("crowdcharge: "), err.count("\n")) == (True, 1)


def test_a_full_disk_under_a_recording_names_it(
    crowdcharge: Callable[..., tuple[int, str, str]], world: Path
) -> None:
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    copy, before = world / "copy.jsonl", signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit[1]))
    try:
        done = crowdcharge("scan", "--replay", world / SCAN[2], *SCAN[3:], "--record", copy)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    assert done == (2, "", f"crowdcharge: cannot write {copy}: File too large\n")


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_closed_streams_are_never_mistaken_for_a_file(
    world: Path, closed: tuple[int, ...]
) -> None:
    """A file that is opened gets the lowest free number, which could be that of stdout."""
    shell = " ".join(f"{number}>&-" for number in closed)
    copy = world / "copy.jsonl"
    line = f'exec "$0" "$@" {shell}'
    arguments = [*COMMAND, *SCAN, "--record", str(copy)]
    done = subprocess.run(["sh", "-c", line, *arguments], cwd=world, check=False, timeout=100)
    assert done.returncode == 0
    assert len([json.loads(line) for line in copy.read_text().splitlines()]) == 3


@pytest.mark.parametrize("home", ["/nonexistent/home", "/dev/null/home", "/proc/1/none"])
def test_a_home_that_is_missing_or_read_only(world: Path, home: str) -> None:
    env = {"HOME": home, "XDG_CACHE_HOME": ""}
    assert run(world, *SCAN, env=env)[0] == 0
    code, _, err = run(world, "bench", "status", env=env)
    assert code == 1
    assert "no bench is up" in err


def test_a_recording_never_replaces_a_file(world: Path) -> None:
    before = (world / "ledger.sqlite").read_bytes()
    code, _, err = run(world, *SCAN, "--record", "ledger.sqlite")
    assert (code, err.count("\n")) == (2, 1)
    assert (world / "ledger.sqlite").read_bytes() == before


def test_check_judges_a_run_and_writes_nothing(world: Path) -> None:
    before = sorted(world.iterdir())
    code, out, err = run(world, "run", "run.toml", "--check")
    assert (code, err) == (0, "")
    assert out.startswith("run.toml: in order\n")
    assert "2 boards" in out
    assert sorted(world.iterdir()) == before


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("online-average", "nobody:Policy", "no module nobody"),
        ('"keys.toml"', '"none.toml"', "none.toml: No such file"),
        ('"out"', '"keys.toml/out"', "keys.toml is not a folder"),
        ("[[[1, 2]]]", "[[[1, 5], [2, 4]]]", "no key for 4, 5"),
        ("slots", "slotz", "line 6: contacts"),
    ],
)
def test_check_names_what_is_wrong(world: Path, old: str, new: str, words: str) -> None:
    file = world / "run.toml"
    file.write_text(file.read_text().replace(old, new))
    code, out, err = run(world, "run", "run.toml", "--check")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err


def test_a_name_that_is_no_text_is_a_name_like_others(world: Path) -> None:
    name = "a\nb\x1b[31m\udcff.sqlite"
    code, out, err = run(world, "ledger", "copy", "ledger.sqlite", name)
    assert (code, err) == (0, "")
    assert out == "a\\nb\\x1b[31m\\udcff.sqlite: rows written: 2\n"
    assert (world / name).is_file()
    code, out, err = run(world, "ledger", "copy", "ledger.sqlite", "ledger.sqlite")
    assert (code, out, err) == (2, "", "crowdcharge: ledger.sqlite is the ledger itself\n")


def test_the_package_is_the_command() -> None:
    command = [sys.executable, "-m", "crowdcharge", "frobnicate"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 2
    assert made.stderr == "crowdcharge: No such command 'frobnicate'.\n"
