# SPDX-License-Identifier: MIT
"""Who learns what: Mo and Murray's example, the masked star, and collusion."""

from itertools import islice

import numpy as np
import pytest

from crowdcharge.market import exposure
from crowdcharge.market.graph import metropolis, star
from crowdcharge.market.masking import Masking, masked_rounds
from crowdcharge.market.pricing import answers
from crowdcharge.market.privacy import contained, ml_variance, recover_from_star

from .markets import random_market

# Mo and Murray's 5 nodes, and the variances by Fisher information (an independent computation).
MATRIX = (
    np.array([[2, 1, 0, 0, 1], [1, 2, 1, 0, 0], [0, 1, 2, 0, 1], [0, 0, 0, 3, 1], [1, 0, 1, 1, 1]])
    / 4
)
DECAY, HORIZON = 0.9, 40
GRAPH = {i: [j for j in range(5) if j != i and MATRIX[i, j] > 0] for i in range(5)}


@pytest.mark.parametrize(
    ("observer", "exposed", "variance"),
    [
        (4, (3,), [0.372, 1.489, 0.372, 4e-5, 0]),
        (0, (), [0, 0.601, 2.405, 0.702, 0.511]),
        (1, (), [0.491, 0, 0.491, 2.28, 7.20]),
    ],
)
def test_variances_of_mo_and_murray_s_example(observer, exposed, variance):
    assert contained(GRAPH, {observer}) == exposed
    found = ml_variance(GRAPH, {observer}, MATRIX, DECAY, HORIZON)
    assert found == pytest.approx(variance, rel=5e-3, abs=5e-6)


def test_a_leaf_of_the_example_cannot_tell_two_nodes_apart():
    assert contained(GRAPH, {3}) == ()
    variance = ml_variance(GRAPH, {3}, MATRIX, DECAY, HORIZON)
    assert np.isinf(variance[[0, 2]]).all()
    assert np.isfinite(variance[[1, 4]]).all()


def test_the_lane_of_a_star_learns_everybody_and_an_ev_nobody():
    graph = star(6)
    assert exposure(graph, 0).exposed == (1, 2, 3, 4, 5, 6)
    assert exposure(graph, 0).variance.max() < 1e-4
    leaf = exposure(graph, 1)
    assert leaf.exposed == ()
    assert np.isinf(leaf.variance[2:]).all()
    assert leaf.variance[0] > 0.1


def test_containment_and_likelihood_agree_on_random_graphs(rng):
    """The longer the run, the closer an exposed node's variance comes to 0, and no other's."""
    for _ in range(12):
        n = 7
        links = np.triu(rng.random((n, n)) < 0.45, 1)
        links |= links.T
        links[0, 1:] = links[1:, 0] = rng.random(n - 1) < 0.4
        graph = {i: np.flatnonzero(links[i]).tolist() for i in range(n)}
        if any(not neighbours for neighbours in graph.values()):
            continue
        observers = set(rng.choice(n, size=int(rng.integers(1, 4)), replace=False).tolist())
        exposed = contained(graph, observers)
        variance = ml_variance(graph, observers, metropolis(graph).dense(), 0.6, 30)
        for node in set(graph) - observers:
            assert (variance[node] < 1e-6) == (node in exposed), (graph, observers, node)


def test_colluders_see_the_union_of_what_each_sees():
    ring = {i: [(i - 1) % 6, (i + 1) % 6] for i in range(6)}
    assert contained(ring, {0}) == ()
    assert contained(ring, {0, 2}) == (1,)
    assert contained(ring, {0, 2, 4}) == (1, 3, 5)


@pytest.mark.parametrize(("sigma", "count"), [(1.0, 200), (300.0, 300)])
def test_the_lane_recovers_the_parameters_of_every_ev_of_a_masked_star(rng, sigma, count):
    """With the paper's noise after 200 rounds; wider noise only takes longer."""
    market = random_market(rng, 50, tight=False)
    values = answers(market, None)
    weights = metropolis(star(50))
    masking = Masking(rng.uniform(0.3, 0.9, 51), np.full(2, sigma))
    rounds = list(islice(masked_rounds(weights, values, masking, rng), count))
    stolen = recover_from_star(weights, rounds)
    a, b = 1 / stolen[:, 1], stolen[:, 0] / stolen[:, 1]
    assert np.abs(a - market.a).max() < 1e-8
    assert np.abs(b - market.b).max() < 1e-8
    early = recover_from_star(weights, rounds[:2])
    assert np.abs(1 / early[:, 1] - market.a).max() > 1e-2  # the noise is real
