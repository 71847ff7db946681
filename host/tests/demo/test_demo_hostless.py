# SPDX-License-Identifier: MIT
"""`crowdcharge demo --hostless`: boards that agree by themselves, and what is left to collect."""

import json
from pathlib import Path

import pytest

from crowdcharge.boards.models import Receipt
from crowdcharge.ledger.store import Store
from wptcore import wire

from ..command import run_command

pytestmark = [pytest.mark.bench, pytest.mark.vm, pytest.mark.slow]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("port", ["micropython", pytest.param("mixed", marks=pytest.mark.long)])
def test_the_story_without_a_host(tmp_path: Path, port: str) -> None:
    """In a mixed crowd boards 2 and 4 run CircuitPython: 2 has to be called before it takes."""
    out = tmp_path / "OUT"
    result = run_command(
        "demo", "--hostless", "--port", port, "--json", "--out", out, timeout_s=400
    )
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["floor_cutoffs"] >= 1
    assert told["imbalance_after"] <= told["imbalance_before"] / 4
    assert {transfer["state"] for transfer in told["transfers"]} == {"settled"}
    cut = [each for each in told["transfers"] if each["ept_ptx"] == "FLOOR"]
    assert (cut[0]["ptx"], cut[0]["prx"]) == (3, 2)
    assert {2} & {transfer["prx"] for transfer in told["transfers"]}
    assert {4} & {transfer["ptx"] for transfer in told["transfers"]}
    # No host could have granted any of them: each receipt names the taker as its granter.
    with Store.read(out / "ledger.sqlite") as store:
        store.load()
        receipts = [Receipt.unpack(raw) for raw in store.book._raw.values()]
    assert len(receipts) == 2 * len(told["transfers"])
    for receipt in receipts:
        taker = receipt.board_id if receipt.role == wire.PRX else receipt.peer
        assert (receipt.granter, receipt.flags) == (taker, wire.GRANTED_BY_PEER)
    verified = run_command(
        "ledger", "verify", str(out / "ledger.sqlite"), "--keys", str(out / "keys.toml")
    )
    assert verified.returncode == 0 and "all in order" in verified.stdout
    assert "could not be checked" not in verified.stdout


def test_what_does_not_go_with_it_is_one_line(tmp_path: Path) -> None:
    for arguments in (("--boards", "5"), ("--port", "circuitpython"), ("--policy", "star")):
        result = run_command("demo", "--hostless", *arguments, "--out", str(tmp_path / "o"))
        assert result.returncode == 2
        assert len(result.stderr.strip().splitlines()) == 1
