# SPDX-License-Identifier: MIT
"""`crowdcharge lanes`: exact times in the squares, and no choice of squares that delivers more."""

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.simulation.paths import legs_through
from crowdcharge.simulation.siting import best_squares, site_lanes, time_in_squares

MOVEMENT = Path(__file__).parents[3] / "docs" / "examples" / "movement.txt"
BROUGHT = st.lists(st.lists(st.integers(0, 20), min_size=5, max_size=5), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None)
@given(BROUGHT, st.integers(1, 5), st.integers(1, 30))
def test_no_choice_delivers_more(brought, lanes, wanted_J):
    """Against every choice of squares."""
    table_J = np.array(brought, float)

    def delivered_J(chosen):
        return np.minimum(table_J[:, list(chosen)].sum(axis=1), wanted_J).sum()

    chosen, bound_J = best_squares(table_J, lanes, wanted_J)
    most_J = max(delivered_J(each) for each in combinations(range(5), lanes))
    assert len(chosen) <= lanes
    assert delivered_J(chosen) == pytest.approx(most_J, abs=1e-6)
    assert bound_J == pytest.approx(most_J, abs=1e-4 * max(most_J, 1))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_times_in_squares_are_those_of_many_small_steps(seed):
    rng = np.random.default_rng(seed)
    agent = np.repeat([0, 1], 4)
    time_s = np.tile([0.0, 10, 25, 40], 2)
    legs = legs_through(agent, time_s, rng.uniform(-50, 50, (8, 2)))
    table_s, squares = time_in_squares(legs, 2, 20.0)
    assert table_s.sum(axis=1) == pytest.approx([40, 40])
    step_s, seen = 0.002, {}
    for leg in range(len(legs.agent)):
        one = legs.of(np.array([leg]))
        lasts_s = float(one.end_s[0] - one.start_s[0])
        at_s = np.arange(step_s / 2, lasts_s, step_s)
        places = np.floor((one.start_m + at_s[:, None] * one.speed_m_per_s) / 20.0)
        for place, count in zip(*np.unique(places, axis=0, return_counts=True), strict=True):
            key = (int(one.agent[0]), *map(int, place))
            seen[key] = seen.get(key, 0.0) + count * step_s
    for (node, east, north), lasts_s in seen.items():
        (column,) = np.flatnonzero((squares == (east, north)).all(axis=1))
        assert table_s[node, column] == pytest.approx(lasts_s, abs=0.02)


def test_a_lane_lies_where_they_stand():
    legs = legs_through(np.zeros(2, np.int64), np.array([0.0, 60]), np.full((2, 2), 130.0))
    made = site_lanes(legs, 1, 2, 100.0, 10.0, 1000.0)
    assert made.lanes.tolist() == [[150.0, 150.0]]
    assert made.served_J.tolist() == [600.0]


def test_the_example(crowdcharge):
    code, out, _ = crowdcharge("lanes", MOVEMENT, "--wanted", "1e6", "--json")
    document = json.loads(out)
    assert code == 0
    assert len(document["lanes"]) == 3
    assert max(document["served_J"].values()) <= 1e6
    assert sum(document["served_J"].values()) == pytest.approx(document["delivered_J"])
    assert document["delivered_J"] == pytest.approx(document["most_J"])


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("0 9 0 9 0 9\n", (), "nobody moves"),
        ("0 9 0 9 0 9\n0 a 1 x\n", (), 'line 2: "x" is not a number'),
        ("0 9 0 9 0 9\n0 a 1 1\n9 a 1e9 1\n", ("--length", "1"), "take longer lanes"),
        ("0 9 0 9 0 9\n0 a 1 1\n", ("--lanes", "0"), "--lanes"),
    ],
)
def test_bad_input_is_one_line(crowdcharge, tmp_path, text, options, expected):
    path = tmp_path / "movement.txt"
    path.write_text(text)
    code, out, err = crowdcharge("lanes", path, *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert expected in err
