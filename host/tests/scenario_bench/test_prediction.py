# SPDX-License-Identifier: MIT
"""Predicted beside metered, from a ledger made by hand."""

import pytest

from crowdcharge.ledger import kinds
from crowdcharge.ledger.settlement import SETTLED
from crowdcharge.ledger.store import Store
from crowdcharge.report.page import write_report
from crowdcharge.report.prediction import compare, section
from crowdcharge.simulation.contacts import Contact
from crowdcharge.simulation.run import run
from crowdcharge.simulation.scenario import parse

PAIR = """duration_s = 40
[[boards]]
id = 1
soc_pct = 90
[[boards]]
id = 2
soc_pct = 30
[contacts]
slot_s = 10
cycle = [[[2, 1]]]
[link]
power_W = 4
efficiency = 0.5
[policy]
"""
CONTACTS = [Contact(start_s, start_s + 10, 2, 1) for start_s in (0.0, 10.0, 20.0, 30.0)]


@pytest.fixture
def ledger(tmp_path):
    """One transfer in the second contact: 20 J asked, 20.5 J sent, 9.5 J received."""
    reading = {"epoch": 1, "sent_mJ": 0, "received_mJ": 0, "capacity_mJ": 100_000, "t_ms": 0}
    entries = {"board:1": -20_500, "board:2": 9_500, "loss": 11_000}
    path = tmp_path / "ledger.sqlite"
    with Store.create(path) as store:
        store.append(
            [
                kinds.Run("plan", seed=0, vm=None),
                kinds.Reading(**reading, board_id=1, soc_permille=900),
                kinds.Reading(**reading, board_id=2, soc_permille=300),
                kinds.Open(7, 1, 2, energy_max_mJ=20_000, power_max_mW=1, t_ms=10_400),
                *(kinds.Entry(7, account, amount_mJ) for account, amount_mJ in entries.items()),
                kinds.State(7, SETTLED, ept_ptx=1, ept_prx=1),
                kinds.Reading(**reading, board_id=1, soc_permille=690),
                kinds.Reading(**reading, board_id=2, soc_permille=None),
            ]
        )
    return path


def compared(ledger, policy):
    scenario = parse(PAIR + policy)
    imagined, on_boards = scenario.make_policy(0.5), scenario.make_policy(0.5)
    predicted = run(scenario, 0, scenario.link, None, imagined)
    with Store.read(ledger) as store:
        return compare(store.load(), CONTACTS, predicted, imagined, on_boards)


def test_each_contact_has_what_is_known_of_it(ledger):
    told = compared(ledger, 'name = "plan"')
    first, second = told["contacts"]
    assert first["start_s"] == 0
    assert first["plan"]["sent_J"] == pytest.approx(40)  # 90 - 40 = 30 + 0.5 * 40
    assert first["simulated"]["sent_J"] == pytest.approx(40)
    assert first["simulated"]["received_J"] == pytest.approx(20)
    assert first["metered"] is None
    assert (second["start_s"], second["boards"]) == (10, [1, 2])
    assert second["plan"] is second["simulated"] is None
    assert second["metered"] == {
        "transfer_id": 7,
        "ptx": 1,
        "prx": 2,
        "asked_J": 20,
        "sent_J": 20.5,
        "received_J": 9.5,
        "state": SETTLED,
        "ended_by": told["contacts"][1]["metered"]["ended_by"],
    }


def test_boards_and_totals(ledger):
    told = compared(ledger, 'name = "plan"')
    one, two = told["boards"]
    assert one["metered"] == {"sent_J": 20.5, "received_J": 0, "before_J": 90, "after_J": 69}
    assert two["metered"]["after_J"] is None
    assert two["simulated"]["after_J"] == pytest.approx(50)
    assert told["totals"]["metered"]["loss_J"] == 11
    assert told["totals"]["simulated"]["loss_J"] == pytest.approx(20)
    assert told["plans"]["simulated"][0]["loss_J"] == pytest.approx(20)


def test_other_policies_have_no_plan(ledger):
    told = compared(ledger, 'name = "oblivious-share"')
    assert told["plans"] == {"simulated": [], "boards": []}
    assert {row["plan"] for row in told["contacts"]} == {None}
    assert "<h2>Plans" not in section(told)


def test_the_reports_section(ledger, tmp_path):
    told = compared(ledger, 'name = "plan"')
    write_report(ledger, tmp_path, told)
    page = (tmp_path / "report.html").read_text()
    assert "<td>0<td>1<td>2<td>40.00<td>40.00<td>20.00<td>-<td>-<td>-<td>-40.00" in page
    assert "<td>10<td>1<td>2<td>-<td>-<td>-<td>20.00<td>20.50<td>9.50<td>20.50" in page
    assert "<td>2<td>0.00<td>20.00<td>50.00<td>0.00<td>9.50<td>-<td>-" in page
