# SPDX-License-Identifier: MIT
"""A crowd of both ports balances in one run."""

import json
import subprocess
from pathlib import Path

import pytest

from ..command import COMMAND

pytestmark = [pytest.mark.bench, pytest.mark.vm, pytest.mark.slow]


def test_micropython_and_circuitpython_boards_balance_together(tmp_path: Path) -> None:
    command = [*COMMAND, "demo", "--port", "mixed", "--json"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "OUT")],
        capture_output=True,
        text=True,
        timeout=115,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["imbalance_after"] <= told["imbalance_before"] / 4
    assert {transfer["state"] for transfer in told["transfers"]} == {"settled"}
    assert told["sent_mJ"] - told["received_mJ"] == told["loss_mJ"]
    pairs = {(transfer["ptx"] % 2, transfer["prx"] % 2) for transfer in told["transfers"]}
    assert len(pairs) > 1, "boards 1 and 3 are MicroPython's, 2 and 4 CircuitPython's"
