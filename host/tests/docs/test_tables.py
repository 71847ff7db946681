# SPDX-License-Identifier: MIT
"""Tables of the front door's results: typed, complete, and loaded only when asked for."""

import sqlite3
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import crowdcharge

LEDGER = Path(__file__).parents[1] / "ledger" / "before_the_move" / "demo" / "ledger.sqlite"
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "python.md"


@pytest.fixture(scope="module")
def run() -> crowdcharge.RunRecord:
    return crowdcharge.open_ledger(LEDGER)


@pytest.fixture(scope="module")
def crowd() -> crowdcharge.Result:
    return crowdcharge.simulate("online-average", 40, 500, seed=3)


def test_transfers_add_up_to_the_ledgers_entries(run: crowdcharge.RunRecord) -> None:
    frame = run.to_pandas()
    db = sqlite3.connect(f"file:{LEDGER}?mode=ro&immutable=1", uri=True)
    query = "SELECT transfer_id, sum(amount_mJ) FROM entries WHERE account = 'loss' GROUP BY 1"
    booked = dict(db.execute(query))
    db.close()
    found = dict(zip(frame.transfer_id, frame.loss_mJ, strict=True))
    assert found
    assert found == {key: booked.get(key, 0) for key in found}
    assert (frame.sent_mJ == frame.received_mJ + frame.loss_mJ).all()


def test_a_row_for_each_record_with_its_fields(run: crowdcharge.RunRecord) -> None:
    for name, records in (("transfers", run.transfers), ("boards", run.boards)):
        table = run.to_arrow(name)  # type: ignore[arg-type]  # a loop over both
        names = [field.name for field in fields(records[0])]
        assert table.schema.names == names
        for row, record in zip(table.to_pylist(), records, strict=True):
            assert row == {name: getattr(record, name) for name in names}


def test_the_crowd_as_it_is(crowd: crowdcharge.Result) -> None:
    samples, agents = crowd.to_pandas(), crowd.to_pandas("agents")
    assert np.array_equal(samples.imbalance, crowd.imbalance)
    assert np.array_equal(samples.interactions, crowd.at)
    lost_J = agents.initial_J.sum() - agents.final_J.sum()
    assert lost_J == pytest.approx(crowd.loss_J)


def test_whole_numbers_stay_whole_beside_empty_cells() -> None:
    record = crowdcharge.TransferRecord(1, 1, 2, 1000, 10, ept_ptx=None, ept_prx=7)
    run = crowdcharge.RunRecord(
        None, None, [record], [], 0, 0, 0, None, {}, imbalance_before=0.0, imbalance_after=0.0,
        floor_cutoffs=0, refusals=0,
    )  # fmt: skip
    frame = run.to_pandas()
    assert frame.dtypes.astype(str)[["ept_ptx", "ept_prx", "sent_mJ"]].eq("Int64").all()
    assert frame.ept_ptx.isna().all()
    boards = run.to_arrow("boards")
    assert (boards.num_rows, str(boards.schema.field("soc_after_pct").type)) == (0, "double")


def test_the_page_names_every_column(
    run: crowdcharge.RunRecord, crowd: crowdcharge.Result
) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for table in (
        run.to_arrow(), run.to_arrow("boards"), crowd.to_arrow(), crowd.to_arrow("agents"),
    ):  # fmt: skip
        assert " ".join(table.schema.names) in page


def test_an_unknown_table_is_one_line(
    run: crowdcharge.RunRecord, crowd: crowdcharge.Result
) -> None:
    with pytest.raises(crowdcharge.InputError, match="no table 'x'; known: transfers, boards"):
        run.to_arrow("x")  # type: ignore[arg-type]
    with pytest.raises(crowdcharge.InputError, match="no table 'x'; known: samples, agents"):
        crowd.to_pandas("x")  # type: ignore[arg-type]


def test_neither_is_loaded_before_a_table_is_asked_for() -> None:
    code = "import sys, crowdcharge as c; c.simulate('online-average', 4, 4); c.open_ledger;"
    code += "print({'pyarrow', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
