# SPDX-License-Identifier: MIT
"""`crowdcharge forecast`, its backtest against the day before, and the policy that uses it."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.errors import InputError
from crowdcharge.policy import make
from crowdcharge.policy.expected_share import ExpectedShare
from crowdcharge.simulation.forecast import backtest, forecast, whole_hours
from crowdcharge.simulation.run import run, summary
from crowdcharge.simulation.scenario import parse

USE = Path(__file__).parents[3] / "docs" / "examples" / "use.csv"
STEPS = st.lists(st.tuples(st.integers(60, 9000), st.floats(0, 1e5)), min_size=1, max_size=60)


@given(STEPS, st.integers(0, 86_400))
def test_hours_hold_what_was_used_in_them(steps, start_s):
    """Second by second: the use of each whole hour, from powers that are even between two rows."""
    times_s = np.cumsum([start_s, *(step for step, _ in steps)])
    used_J = [9e9, *(each for _, each in steps)]
    use = list(zip(times_s.astype(float).tolist(), used_J, strict=True))
    first, hours_W = whole_hours(use)
    second_W = np.concatenate([np.full(step, each / step) for step, each in steps])
    for k, power_W in enumerate(hours_W):
        begin = (first + k) * 3600 - start_s
        assert power_W == pytest.approx(second_W[begin : begin + 3600].mean(), rel=1e-6, abs=1e-6)
    assert (first + len(hours_W) + 1) * 3600 > times_s[-1]


@settings(max_examples=50)
@given(st.lists(st.floats(0, 100), min_size=48, max_size=130))
def test_the_backtest_looks_only_back(hours):
    """Each hour by hand, from a plain loop over what came before it."""
    by_mean, by_day = [], []
    for hour in range(24, len(hours)):
        earlier = [hours[each] for each in range(hour) if each % 24 == hour % 24]
        by_mean.append(abs(hours[hour] - sum(earlier) / len(earlier)))
        by_day.append(abs(hours[hour] - hours[hour - 24]))
    made = backtest(np.array(hours))
    assert made["hour_of_day"] == pytest.approx(np.mean(by_mean))
    assert made["persistence"] == pytest.approx(np.mean(by_day))


def test_each_method_wins_where_it_should():
    """A noisy habit is told best by its mean, a habit that grows by the day before."""
    rng, day = np.random.default_rng(2), 5 + 4 * np.sin(np.arange(24))
    noisy = backtest(np.tile(day, 14) * rng.uniform(0.5, 1.5, 14 * 24))
    assert noisy["hour_of_day"] < 0.85 * noisy["persistence"]
    growing = backtest(np.concatenate([day * 1.2**k for k in range(14)]))
    assert growing["persistence"] < growing["hour_of_day"]
    assert backtest(np.ones(47)) is None


def test_the_mean_of_an_hour_is_that_hour_s():
    use = [(0.0, 0.0), *((3600.0 * k, 3600.0 * (k % 24)) for k in range(1, 73))]
    made = forecast(use)
    assert made.hours == 72
    assert made.mean_W == pytest.approx([(hour + 1) % 24 for hour in range(24)])
    assert made.errors_W == {"hour_of_day": 0, "persistence": 0}


@given(
    st.lists(st.floats(0, 50), min_size=24, max_size=24),
    st.floats(0, 200_000), st.floats(1, 200_000), st.floats(0, 24),
)  # fmt: skip
def test_what_is_expected_is_the_area_under_the_hours(powers_W, now_s, horizon_s, starts_hour):
    policy = ExpectedShare({7: powers_W}, horizon_s, starts_hour)
    start_s = starts_hour * 3600 + now_s
    edges_s = [start_s, *np.arange(np.floor(start_s / 3600) + 1, 1e3) * 3600]
    area_J = sum(
        powers_W[int(begin // 3600) % 24] * (min(end, start_s + horizon_s) - begin)
        for begin, end in pairwise(edges_s)
        if begin < start_s + horizon_s
    )
    assert policy.expected_J(7, now_s) == pytest.approx(area_J, rel=1e-6, abs=1e-3)
    assert policy.expected_J(8, now_s) == 0


def test_a_forecast_avoids_outages():
    """Who needs 72 J until the end and who needs 6 J meet once, with 50 J each."""
    text = "duration_s = 6000\nfloor_pct = 0\n[contacts]\nlist = [[1, 2, 0, 9]]\n" + "".join(
        f"[[boards]]\nid = {board}\nsoc_pct = 50\nload_W = {load_W}\n"
        for board, load_W in ((1, 0.012), (2, 0.001))
    )
    outages_s = {}
    for policy in (
        'name = "oblivious-share"',
        'name = "expected-share"\nhorizon_s = 6000\nuse_W = { 1 = 0.012, 2 = 0.001 }',
    ):
        scenario = parse(f"{text}[policy]\n{policy}\n")
        made = run(scenario, 1, scenario.link)
        outages_s[made.policy] = summary(made, scenario, ageing=False)["outage_s"]
    assert outages_s["oblivious-share"] == pytest.approx(6000 - 50 / 0.012)
    assert outages_s["expected-share"] == 0


def test_the_example(crowdcharge):
    code, out, _ = crowdcharge("forecast", USE, "--json")
    document = json.loads(out)
    assert (code, list(document)) == (0, ["ann", "ben"])
    assert {each["better"] for each in document.values()} == {"hour_of_day"}
    make("expected-share", use_W={1: document["ann"]["mean_W"]})


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("", "has no rows"),
        ("1,a,-3", "line 2: used_J must be 0 to"),
        ("5,a,3\n4,a,3", "line 3: time goes back for a"),
        ("5,a,x", 'line 2: "x" is not a number'),
        ("5,,1", "line 2: has no user"),
        ("0,a,1\n1e12,a,1", "line 3: more than 20 years in all"),
        ("1e13,a,1", "line 2: the time is too far away"),
    ],
)
def test_bad_input_is_one_line(crowdcharge, tmp_path, rows, expected):
    path = tmp_path / "use.csv"
    path.write_text(f"time,user,used_J\n{rows}\n")
    code, out, err = crowdcharge("forecast", path)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert expected in err


@pytest.mark.parametrize("use_W", [{1: [1, 2]}, {1: -1}, {1: [None] * 24}, {1: [True] * 24}])
def test_a_wrong_forecast_is_refused(use_W):
    with pytest.raises(InputError, match="use_W of agent 1"):
        make("expected-share", use_W=use_W)
