# SPDX-License-Identifier: MIT
"""Consensus: exact averages, true bounds, and the law of rounds."""

from itertools import islice

import networkx as nx
import numpy as np
import pytest

from crowdcharge.errors import InputError
from crowdcharge.market.consensus import (
    consensus,
    finite_time,
    metropolis_rounds,
    ratio_spread,
    run,
    spread,
    star_rounds_law,
    two_round,
)
from crowdcharge.market.graph import diameter, metropolis, second_eigenvalue, star
from crowdcharge.market.masking import Masking, masked_ratio_bound, masked_rounds

GRAPHS = {
    "pair": nx.path_graph(2),
    "star": star(12),
    "path": nx.path_graph(9),
    "ring": nx.cycle_graph(10),
    "tree": nx.random_labeled_tree(15, seed=2),
    "geometric": nx.random_geometric_graph(30, 0.4, seed=3),
    "complete": nx.complete_graph(7),
}


def worst(states, values):
    return np.abs(states - values.mean(axis=0)).max()


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("accelerated", [False, True])
def test_every_state_is_within_the_bound_that_the_nodes_know(rng, name, accelerated):
    graph = GRAPHS[name]
    values = rng.uniform(-5, 40, (len(graph), 2))
    reached = consensus(graph, values, 1e-6, accelerated=accelerated)
    assert worst(reached.states, values) <= reached.bound + 1e-13
    assert reached.bound <= 1e-6
    assert reached.messages == reached.rounds * sum(len(graph[i]) for i in graph)


@pytest.mark.parametrize("name", GRAPHS)
def test_metropolis_weights_are_symmetric_and_doubly_stochastic(name):
    matrix = metropolis(GRAPHS[name]).dense()
    assert matrix == pytest.approx(matrix.T)
    assert matrix.sum(axis=0) == pytest.approx(1)
    assert (matrix >= 0).all()
    assert diameter(GRAPHS[name]) == nx.diameter(nx.Graph(GRAPHS[name]))


def test_a_star_slows_down_by_its_size_and_chebyshev_by_the_root(rng):
    """k = ln(d / eps) / ln(1 + 1/n), about (n + 1) ln(d / eps)."""
    for n in (20, 80, 320):
        values = rng.uniform(0, 1, (n + 1, 2))
        assert second_eigenvalue(metropolis(star(n))) == pytest.approx(n / (n + 1))
        law = star_rounds_law(n, 1, 1e-6)
        plain = consensus(star(n), values, 1e-6).rounds
        fast = consensus(star(n), values, 1e-6, accelerated=True).rounds
        assert plain == pytest.approx(law, rel=0.05)
        assert fast < 0.5 * np.sqrt(n) * np.log(2 / 1e-6) * 1.6
        assert fast < plain / 3


def test_the_paper_s_stop_rule_leaves_n_times_its_epsilon(rng):
    """|x(k+1) - x(k)| <= eps is no bound on the error; the spread is."""
    n, epsilon = 200, 1e-6
    values = rng.uniform(0, 1, (n + 1, 1))
    before = values
    for after in metropolis_rounds(metropolis(star(n)), values):
        if np.abs(after - before).max() <= epsilon:
            break
        before = after
    assert worst(after, values) > 100 * epsilon
    assert spread(after, 0) > 100 * epsilon


def test_two_rounds_and_the_finite_time_protocol_are_exact_on_a_star(rng):
    for n in (1, 2, 50, 300):
        values = rng.uniform(20, 40, (n + 1, 2))
        told = two_round(values)
        assert (told.rounds, told.messages) == (2, 2 * n)
        assert worst(told.states, values) < 1e-13 * 40
        finite = finite_time(star(n), values)
        assert finite.rounds == (2 if n > 1 else 1)
        assert worst(finite.states, values) < 1e-11 * 40


def test_the_centre_of_a_star_holds_the_average_after_one_metropolis_round(rng):
    values = rng.uniform(20, 40, (51, 2))
    first = next(metropolis_rounds(metropolis(star(50)), values))
    assert first[0] == pytest.approx(values.mean(axis=0), rel=1e-14)


def test_finite_time_works_on_other_graphs_with_few_eigenvalues(rng):
    values = rng.uniform(0, 1, (6, 1))
    reached = finite_time(GRAPHS["complete"], rng.uniform(0, 1, (7, 1)))
    assert reached.rounds == 1
    ring = finite_time(nx.cycle_graph(6), values)
    assert worst(ring.states, values) < 1e-12
    assert ring.rounds == 3


@pytest.mark.parametrize("name", ["star", "ring", "geometric"])
def test_masked_consensus_reaches_the_same_ratio_within_its_bound(rng, name):
    graph = GRAPHS[name]
    values = rng.uniform(1, 40, (len(graph), 2))
    ratio = values[:, 0].sum() / values[:, 1].sum()
    masking = Masking.draw(values, rng)
    rounds = (each.states for each in masked_rounds(metropolis(graph), values, masking, rng))
    reached = run(graph, values, rounds, masked_ratio_bound(masking), 1e-6)
    error = np.abs(reached.states[:, 0] / reached.states[:, 1] - ratio).max()
    assert error <= reached.bound <= 1e-6


def test_the_ratio_of_two_averages_is_bounded_at_every_round(rng):
    graph = GRAPHS["star"]
    values = np.column_stack((rng.uniform(100, 300, 13), rng.uniform(2, 9, 13)))
    true = values[:, 0].sum() / values[:, 1].sum()
    weights = metropolis(graph)
    for k, states in enumerate(islice(metropolis_rounds(weights, values), 60), start=1):
        error = np.abs(states[:, 0] / states[:, 1] - true).max()
        assert error <= ratio_spread(states, k) + 1e-12
    masking = Masking.draw(values, rng)
    bound = masked_ratio_bound(masking)
    finite = 0
    for k, each in enumerate(islice(masked_rounds(weights, values, masking, rng), 150), start=1):
        error = np.abs(each.states[:, 0] / each.states[:, 1] - true).max()
        assert error <= bound(each.states, k) + 1e-12
        finite += np.isfinite(bound(each.states, k))
    assert finite > 50


def test_graphs_on_which_no_consensus_exists_are_refused():
    with pytest.raises(InputError, match="connected"):
        consensus({0: [1], 1: [0], 2: []}, np.ones((3, 1)), 1e-6)
    with pytest.raises(InputError, match="undirected"):
        consensus({0: [1], 1: []}, np.ones((2, 1)), 1e-6)
