# SPDX-License-Identifier: MIT
"""The unit never gives up on what passes, and never repeats what a person must mend.

systemd itself is not run here; `test_service.py` has its judgement of the unit, and
`hil_tests/bluez` runs the service.
"""

import configparser
import json
import os
import subprocess
from datetime import date
from importlib import resources
from pathlib import Path

import pytest

from crowdcharge.errors import InputError, NotNow
from crowdcharge.files import locked
from crowdcharge.files.lock import FileLock
from crowdcharge.flash import expiry
from crowdcharge.service.listener import listen

from ..command import run_command


class Repeated(dict[str, str]):
    """Keys that a unit repeats, such as SystemCallFilter, are joined."""

    def __setitem__(self, key: str, value: str) -> None:
        super().__setitem__(key, f"{self[key]}\n{value}" if key in self else value)


@pytest.fixture(scope="module")
def unit() -> configparser.RawConfigParser:
    text = resources.files("crowdcharge").joinpath("data/crowdcharge.service").read_text("utf-8")
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(text)
    return parser


def test_it_starts_again_for_ever_but_not_with_a_wrong_file(
    unit: configparser.RawConfigParser,
) -> None:
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"
    assert "StartLimitBurst" not in unit["Unit"]
    assert unit["Service"]["Restart"] == "always"
    assert unit["Service"]["RestartPreventExitStatus"] == "2"
    assert unit["Service"]["RestartSec"] == "5s"


def run(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Run as the unit does, where no D-Bus is, as on a machine without BlueZ."""
    (folder / "run.toml").write_text(text)
    environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={folder}/no-bus"}
    return run_command("run", folder / "run.toml", env=environment)


def test_what_time_mends_is_tried_again(tmp_path: Path) -> None:
    """Another command has the ledger, the clock is not set yet, the network is not up yet."""
    with locked(tmp_path / "ledger.sqlite"), pytest.raises(NotNow):
        FileLock(tmp_path / "ledger.sqlite")
    board = {"curve": {"hash": "ab", "measured_on": "2026-11-01"}}
    (tmp_path / expiry.FILE).write_text(json.dumps({"boards": {"7": board}}))
    with pytest.raises(NotNow, match="look at the clock"):
        expiry.check(tmp_path, {7}, 0, date(1970, 1, 1))
    with pytest.raises(NotNow, match=r"cannot serve at 192\.0\.2\.1"):
        listen("192.0.2.1", 0)  # an address of documents, which no machine has
    with pytest.raises(InputError, match=r"cannot serve at a\.\.b") as caught:
        listen("a..b", 0)
    assert (NotNow.exit_code, caught.value.exit_code) == (1, 2)


@pytest.mark.parametrize(
    ("keys", "policy", "code"),
    [(True, "online-average", 1), (False, "online-average", 2), (True, "nobody's", 2)],
    ids=["no adapter", "no keys", "no such policy"],
)
def test_the_exit_code_says_whether_to_try_again(
    tmp_path: Path, keys: bool, policy: str, code: int
) -> None:
    if keys:
        (tmp_path / "keys.toml").write_text(f'[keys]\n1 = "{"01" * 32}"\n')
        (tmp_path / "keys.toml").chmod(0o600)
    text = f'[run]\npolicy = "{policy}"\nkeys = "keys.toml"\nout = "out"\n'
    done = run(tmp_path, text + '[contacts]\nsource = "ping"\n')
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("crowdcharge: ")
