# SPDX-License-Identifier: MIT
"""The cyclic-mobispace figures: our numbers against the paper's, where it gives any."""

import json

import numpy as np
import pytest

from crowdcharge.errors import InputError
from crowdcharge.reproduce import figure
from crowdcharge.reproduce.parts import Parts
from crowdcharge.simulation.traces.bus_trace import CYCLE, bus_trace
from crowdcharge.simulation.traces.random_trace import is_connected, random_trace

TABLES = ("table1", "table2", "table3", "table4", "table5", "fig3", "fig6", "fig7")


def run(name, out):
    result = figure(name)(out, True, Parts())
    assert json.loads(json.dumps(result)).keys() >= {"ours", "paper", "rows"}
    return result


@pytest.mark.parametrize("name", TABLES)
def test_every_table_and_small_figure_runs(name, tmp_path):
    run(name, tmp_path)


def test_table_1_2_4_are_the_papers(tmp_path):
    for name in ("table1", "table2"):
        result = run(name, tmp_path)
        assert result["ours"] == result["paper"]
    table4 = run("table4", tmp_path)
    assert table4["ours"]["loss"] == pytest.approx(table4["paper"]["loss"], abs=1e-4)
    assert table4["ours"]["final"] == pytest.approx(table4["paper"]["final"], abs=0.01)


def test_fig4_quick_keeps_the_papers_order(tmp_path):
    result = run("fig4", tmp_path)
    for row in result["ours"]["over_n"]:
        assert row["lal_time"] < row["lay_time"] < row["poa_time"]
        assert row["lay_loss"] < row["poa_loss"]
    poa = [row["poa_time"] for row in result["ours"]["over_beta"]]
    lay = [row["lay_time"] for row in result["ours"]["over_beta"]]
    assert max(lay) == min(lay)
    assert poa[-1] > poa[0]
    assert {path.name for path in tmp_path.iterdir()} >= {"fig4-time.png", "fig4-loss.png"}


@pytest.mark.parametrize("n", [2, 10, 100])
def test_random_trace(n):
    contacts = random_trace(n, np.random.default_rng(n))
    assert len(contacts) == round(2.5 * n)
    assert len(np.unique(contacts, axis=0)) == len(contacts)
    assert np.all(contacts[:, 0] < contacts[:, 1])
    assert np.all(np.diff(contacts[:, 2]) >= 0)
    assert contacts[:, 2].min() >= 1
    assert contacts[:, 2].max() <= 50
    assert is_connected(contacts, n)


def test_random_trace_draws_every_pair_and_slot_alike():
    rng = np.random.default_rng(0)
    draws = np.concatenate([random_trace(4, rng, 5, 6.0) for _ in range(2000)])
    counts = np.unique(draws, axis=0, return_counts=True)[1]
    assert len(counts) == 6 * 5
    assert np.all(np.abs(counts - counts.mean()) < 5 * np.sqrt(counts.mean()))


def test_bus_trace():
    contacts = bus_trace(25, 190, np.random.default_rng(3))
    assert is_connected(contacts, 25)
    assert set(contacts[:, 2] % 6) <= set(range(6))
    assert contacts[:, 2].max() <= CYCLE
    assert 50 < len(contacts) < 250
    under_way = contacts[contacts[:, 2] <= 240, 2]
    assert np.all(under_way % 6 == 1)


def test_traces_that_cannot_connect_say_so():
    with pytest.raises(InputError, match="cannot be connected"):
        random_trace(10, np.random.default_rng(0), contacts_per_agent=1.0)
    with pytest.raises(InputError, match="stations"):
        bus_trace(5, 20, np.random.default_rng(0))
