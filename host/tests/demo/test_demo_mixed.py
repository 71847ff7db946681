# SPDX-License-Identifier: MIT
"""A crowd of both ports balances in one run."""

import json
from pathlib import Path

import pytest

from ..command import run_command

pytestmark = [pytest.mark.bench, pytest.mark.vm, pytest.mark.slow]


def test_micropython_and_circuitpython_boards_balance_together(tmp_path: Path) -> None:
    done = run_command("demo", "--port", "mixed", "--json", "--out", tmp_path / "OUT")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["imbalance_after"] <= told["imbalance_before"] / 4
    assert {transfer["state"] for transfer in told["transfers"]} == {"settled"}
    assert told["sent_mJ"] - told["received_mJ"] == told["loss_mJ"]
    pairs = {(transfer["ptx"] % 2, transfer["prx"] % 2) for transfer in told["transfers"]}
    assert len(pairs) > 1, "boards 1 and 3 are MicroPython's, 2 and 4 CircuitPython's"
