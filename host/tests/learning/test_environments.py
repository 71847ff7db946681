# SPDX-License-Identifier: MIT
"""The two environments pass the tests of their own packages, and are one crowd."""

import re
from pathlib import Path

import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium")
pytest.importorskip("pettingzoo")

from gymnasium.utils.env_checker import check_env  # noqa: E402
from pettingzoo.test import parallel_api_test, parallel_seed_test  # noqa: E402

from crowdcharge.errors import InputError  # noqa: E402
from crowdcharge.learning import BoardsEnv, CoordinatorEnv  # noqa: E402
from crowdcharge.policy import make  # noqa: E402
from crowdcharge.simulation.run import run  # noqa: E402
from crowdcharge.simulation.scenario import parse  # noqa: E402

CROWD = parse(
    "duration_s = 100.0\nfloor_pct = 10\nseed = 4\n[crowd]\nn = 12\nsoc_pct = [10, 100]\n"
    "load_W = [0, 0.1]\n[contacts]\nrandom = 5\nslot_s = 1.0\n"
)


def test_gymnasium_s_own_check() -> None:
    """Every warning of the check is an error here, as everywhere in the tests."""
    check_env(gymnasium.make("crowdcharge/Coordinator-v0", scenario=CROWD).unwrapped)


def test_pettingzoo_s_own_checks() -> None:
    parallel_api_test(BoardsEnv(CROWD), num_cycles=1000)
    parallel_seed_test(lambda: BoardsEnv(CROWD))


def test_both_are_the_same_crowd_as_simulate() -> None:
    """The rewards of both agree for the same wishes, and the start is that of the seed."""
    one, many = CoordinatorEnv(CROWD), BoardsEnv(CROWD)
    seen, _ = one.reset(seed=9)
    each, _ = many.reset(seed=9)
    start = run(CROWD, 9, CROWD.link)
    load_W = [board.load_W for board in start.boards]
    expected_J = start.energy_J[0] - np.array(load_W) * one.episode._now_s
    assert one.episode.energy_J[0] == pytest.approx(expected_J, abs=1e-6)
    rng, over, rewards = np.random.default_rng(0), False, []
    while not over:
        assert np.concatenate(list(each.values())) == pytest.approx(seen)
        assert many.state() == pytest.approx(seen)
        wish = rng.random(12, np.float32)
        agents = dict(zip(many.agents, wish[:, None], strict=True))
        seen, reward, over, _, facts = one.step(wish)
        each, theirs, ended, _, _ = many.step(agents)
        assert set(theirs.values()) == {reward}
        assert set(ended.values()) == {over}
        rewards.append(reward)
    assert many.agents == []
    lost = facts["lost_J"] / start.energy_J[0].sum()
    dark = facts["outage_s"] / (12 * CROWD.duration_s)
    gained = start.imbalance[0] - facts["imbalance"]
    assert sum(rewards) == pytest.approx(gained - lost - dark)


def test_a_scenario_that_is_not_known_is_refused() -> None:
    cords = parse("[crowd]\nn = 4\n[contacts]\nmeetings = 9\n[cord]\npower_W = 5\n")
    for kind in (CoordinatorEnv, BoardsEnv):
        with pytest.raises(InputError, match="learning knows no cords"):
            kind(cords)


def test_the_python_of_its_page() -> None:
    page = Path(__file__).parents[3] / "docs" / "howto" / "learn.md"
    (block,) = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
    names: dict[str, object] = {}
    exec(block, names)
    assert names["over"] is False


def test_what_was_learned_is_a_policy_of_a_scenario() -> None:
    scenario = parse(
        "[crowd]\nn = 6\n[contacts]\nmeetings = 40\n[policy]\nduration_s = 40\n"
        'name = "crowdcharge.learning.linear:LinearLevels"\n'
        "weights = [0, 0, 0, 0, 1, 0, 0]\n"
    )
    learned = run(scenario, 3, scenario.link)
    rule = run(scenario, 3, scenario.link, policy=make("oblivious-share"))
    assert learned.policy == "linear-levels"
    assert learned.energy_J[-1] == pytest.approx(rule.energy_J[-1])
