# SPDX-License-Identifier: MIT
"""The main job as a user starts it: `crowdcharge demo` in a process of its own."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ..command import run_command

pytestmark = [pytest.mark.bench, pytest.mark.vm, pytest.mark.slow]
PNGS = ("soc.png", "power.png", "flow.png", "efficiency.png")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "OUT"


@pytest.fixture(scope="module")
def told(out: Path) -> dict[str, Any]:
    """Return the one JSON document on standard output, and nothing else there."""
    result = run_command("demo", "--json", "--out", str(out))
    assert result.returncode == 0, result.stderr
    summary = json.loads(result.stdout)
    assert isinstance(summary, dict)
    return summary


def test_the_story(told: dict[str, Any]) -> None:
    assert told["vm"].startswith("MicroPython ")
    assert told["floor_cutoffs"] >= 1
    assert told["refusals"] >= 1
    assert told["imbalance_after"] <= told["imbalance_before"] / 4
    assert {transfer["state"] for transfer in told["transfers"]} == {"settled"}
    assert told["sent_mJ"] - told["received_mJ"] == told["loss_mJ"]
    cut = [transfer for transfer in told["transfers"] if transfer["ept_ptx"] == "FLOOR"]
    assert cut[0]["ptx"] == 3


def test_sums_agree_with_the_transfers(told: dict[str, Any]) -> None:
    for total in ("sent_mJ", "received_mJ"):
        assert sum(transfer[total] for transfer in told["transfers"]) == told[total]
        assert sum(board[total] for board in told["boards"]) == told[total]


def test_what_is_written(told: dict[str, Any], out: Path) -> None:
    assert json.loads((out / "summary.json").read_text()) == told
    for name in PNGS:
        assert (out / name).read_bytes().startswith(b"\x89PNG")
    page = (out / "report.html").read_text()
    assert page.count("<svg") == len(PNGS)
    assert "<script" not in page
    assert not re.search(r'(src|href)="?http', page.replace("xlink:href", ""))


def test_the_ledger_verifies(told: dict[str, Any], out: Path) -> None:
    assert told
    result = run_command("ledger", "verify", str(out / "ledger.sqlite"))
    assert result.returncode == 0, result.stderr
    keyed = ("--keys", str(out / "keys.toml"))
    result = run_command("ledger", "verify", str(out / "ledger.sqlite"), *keyed)
    assert result.returncode == 0, result.stderr


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    result = run_command("demo", "--out", str(file))
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "cannot write" in result.stderr


def test_a_missing_vm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROWDCHARGE_MICROPYTHON", str(tmp_path / "absent"))
    result = run_command("demo", "--out", str(tmp_path / "OUT"))
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "absent" in result.stderr
