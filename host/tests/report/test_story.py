# SPDX-License-Identifier: MIT
"""Series and page from a ledger made by hand: known in, known out."""

from pathlib import Path

import pytest

from crowdcharge.ledger import kinds
from crowdcharge.ledger.store import Store
from crowdcharge.report.page import write_report
from crowdcharge.report.story import tell
from wptcore import wire

READING = {"epoch": 1, "sent_mJ": 0, "received_mJ": 0, "capacity_mJ": 100_000, "t_ms": 5000}


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite"
    with Store.create(path) as store:
        store.append(
            [
                kinds.Run("<b>evil</b>", seed=1, vm=None),
                kinds.Reading(**READING, board_id=1, soc_permille=900),
                kinds.Reading(**READING, board_id=2, soc_permille=None),
                kinds.Open(1, ptx=1, prx=2, energy_max_mJ=9, power_max_mW=9, t_ms=6000),
                kinds.Sample(1, 1, wire.PTX, 7000, 3900, 0, soc_permille=890, coil_dC=300),
                kinds.Sample(1, 2, wire.PRX, 7500, 2500, 0, soc_permille=60, coil_dC=300),
            ]
        )
    return path


def test_series(ledger: Path) -> None:
    with Store.read(ledger) as store:
        story = tell(store.rows())
    assert story.soc_pct == {1: [(0.0, 90.0), (2.0, 89.0)], 2: [(2.5, 6.0)]}
    assert story.sent_W == {1: [(2.0, 3.9)]}
    assert story.received_W == {1: [(2.5, 2.5)]}


def test_a_page_of_an_unfinished_run(ledger: Path, tmp_path: Path) -> None:
    written = write_report(ledger, tmp_path)
    assert written[0].name == "report.html"
    assert all(path.stat().st_size > 1000 for path in written)
    page = written[0].read_text()
    assert "<b>evil</b>" not in page
    assert "&lt;b&gt;evil" in page


def test_a_page_of_an_empty_ledger(tmp_path: Path) -> None:
    Store.create(tmp_path / "empty.sqlite").close()
    assert write_report(tmp_path / "empty.sqlite", tmp_path)
