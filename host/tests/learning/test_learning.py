# SPDX-License-Identifier: MIT
"""What is learned is better than where it began, and no planner that knows all is beaten."""

import numpy as np

from crowdcharge.learning.cross_entropy import learn, returns
from crowdcharge.learning.episode import COMMON, FEATURES, Episode
from crowdcharge.learning.rules import oblivious_share
from crowdcharge.reproduce.learning import crowd, learning, policies, rated
from crowdcharge.reproduce.parts import Parts


def test_the_search_begins_at_oblivious_share_and_gets_better() -> None:
    def seeds(number: int) -> range:
        return range(9000 + 5 * number, 9005 + 5 * number)

    scenario = crowd(8)
    made = list(learn(scenario, seeds, 6))
    assert made[0].mean[COMMON] == 1
    weights = np.array([made[0].mean, made[-1].mean])
    unseen = np.array([returns(scenario, seed, weights) for seed in range(20)])
    assert unseen[:, 1].mean() > unseen[:, 0].mean() + 0.005
    assert (list(learn(scenario, seeds, 6))[-1].mean == made[-1].mean).all()


def test_the_start_of_the_search_is_the_rule() -> None:
    scenario, weights = crowd(8), np.eye(len(FEATURES))[[COMMON]]
    episode, total = Episode(scenario, 3), 0.0
    while not episode.over:
        total += episode.step(oblivious_share(episode))[0]
    assert returns(scenario, 3, weights)[0] == total


def test_training_and_rating_see_the_same_crowd() -> None:
    """The return in the episode is the return in the event simulator."""
    scenario, weights = crowd(8), np.linspace(-0.1, 0.5, len(FEATURES))
    for seed in range(3):
        policy = policies(scenario, seed, weights.tolist())["learned"]
        in_events = rated(scenario, seed, policy)["return"]
        assert abs(returns(scenario, seed, weights[None])[0] - in_events) < 1e-9


def test_the_figure_ranks_by_what_each_knows(tmp_path) -> None:
    result = learning(tmp_path, True, Parts())
    ours = {name: each["return"] for name, each in result["ours"].items()}
    assert max(ours, key=ours.__getitem__) == "lay"
    assert ours["online-average"] < ours["learned"] < ours["lay"]
    assert len(result["learning_curve"]) == 4
    assert (tmp_path / "learning.png").stat().st_size > 10_000
