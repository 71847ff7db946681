# SPDX-License-Identifier: MIT
"""A scenario as a planning problem and back: the same problem, the same plan, the same levels."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.errors import InputError
from crowdcharge.planner import Problem
from crowdcharge.simulation.problem_file import problem_of, scenario_text
from crowdcharge.simulation.scenario import parse

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Draw what a scenario can say: one floor, one loss, one limit, the same share for all."""
    n, cycle = draw(st.integers(2, 6)), draw(st.integers(1, 12))
    pairs = [(i, j) for i in range(n) for j in range(i)]
    met = st.tuples(st.sampled_from(pairs), st.integers(1, cycle))
    contacts = draw(st.lists(met, min_size=1, max_size=12, unique=True))
    capacity = draw(st.floats(10.0, 1000.0))
    level = np.array([draw(st.floats(0.0, 1.0)) for _ in range(n)]) * capacity
    level[0] = capacity  # so that no battery holds more than all the energy that there is
    floor = draw(st.floats(0.0, 0.5))
    return Problem(
        level,
        np.array([(*pair, t) for pair, t in contacts]),
        cycle,
        e_min=np.minimum(floor * capacity, level),
        e_max=np.full(n, capacity),
        beta=draw(st.floats(0.0, 0.9)),
        limit=draw(st.none() | st.floats(0.1, 100.0).map(np.array)),
    )


def assert_same(found: Problem, wanted: Problem) -> None:
    a, b = found.to_json(), wanted.to_json()
    assert a.keys() == b.keys()
    for name, value in a.items():
        np.testing.assert_allclose(value, b[name], rtol=1e-12, atol=1e-9, err_msg=name)


@given(problems())
@settings(max_examples=200, deadline=None)
def test_a_problem_comes_back_from_its_scenario(problem: Problem) -> None:
    scenario = parse(scenario_text(problem))
    assert_same(problem_of(scenario, scenario.link), problem)


@given(problems())
@settings(max_examples=100, deadline=None)
def test_a_problem_comes_back_from_its_json(problem: Problem) -> None:
    again = Problem.from_json(json.loads(json.dumps(problem.to_json())))
    assert_same(again, problem)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"e_min": [10.0, 20.0, 10.0, 10.0]}, "e_min"),
        ({"beta": [0.1, 0.2, 0.1, 0.1]}, "beta"),
        ({"limit": [1.0, 2.0, 1.0, 1.0]}, "limit"),
        ({"target": [0.4, 0.2, 0.2, 0.2]}, "target"),
        ({"e_max": [80.0, 100.0, 100.0, 100.0]}, "e0"),
    ],
)
def test_what_a_scenario_cannot_say_is_refused(values: dict[str, object], key: str) -> None:
    document = json.loads((EXAMPLES / "problem.json").read_text(encoding="utf-8"))
    with pytest.raises(InputError, match=f"^{key}: "):
        scenario_text(Problem.from_json(document | values))


def test_the_command_there_and_back(crowdcharge, tmp_path: Path) -> None:
    """The paper's example: the scenario has its plan, and the simulator reaches its levels."""
    there, back = tmp_path / "scenario.toml", tmp_path / "problem.json"
    example = EXAMPLES / "problem.json"
    assert crowdcharge("plan", example, "--to", there)[0] == 0
    code, out, _ = crowdcharge("plan", there, "--to", back)
    assert (code, out) == (0, f"wrote {back}: 4 agents, 4 contacts a cycle\n")
    plans = [json.loads(crowdcharge("plan", each, "--json")[1]) for each in (example, there, back)]
    for made in plans[1:]:
        assert made["final"] == pytest.approx(plans[0]["final"])
        assert made["loss"] == pytest.approx(plans[0]["loss"])
    boards = json.loads(crowdcharge("simulate", there, "--json")[1])["boards"]
    assert [board["soc_after_pct"] for board in boards] == pytest.approx(plans[0]["final"])


def test_a_scenario_without_a_cycle_and_another_ending_are_one_line(
    crowdcharge, tmp_path: Path
) -> None:
    crowd = tmp_path / "crowd.toml"
    crowd.write_text("[crowd]\nn = 4\n[contacts]\nmeetings = 9\n", encoding="utf-8")
    code, _, err = crowdcharge("plan", crowd)
    assert (code, err.count("\n")) == (2, 1)
    assert "cycle" in err
    code, _, err = crowdcharge("plan", EXAMPLES / "problem.json", "--to", tmp_path / "x.csv")
    assert (code, err.count("\n")) == (2, 1)
    assert ".json or .toml" in err
