# SPDX-License-Identifier: MIT
"""PURE: average consensus, by which peers that talk only to neighbours reach a common average.

A round is one step in which every node may send to its neighbours. The iterations are generators
of states, so a plot, an attack and a protocol run watch the same numbers. They stop by a true
bound: weights that keep the sum hold the average between the smallest and the largest state, and
both are flooded inside the same messages; a flood takes `diameter` rounds, so the bound that a
node knows belongs to the state of that many rounds ago, which it keeps.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from crowdcharge.errors import WptError
from crowdcharge.market.graph import Graph, Weights, diameter, metropolis, second_eigenvalue
from crowdcharge.market.problem import Array

ROUNDS_MAX = 1_000_000

# The bound on the error of every state, from the states and the number of rounds done.
ErrorBound = Callable[[Array, int], float]


@dataclass(frozen=True, slots=True)
class Consensus:
    """`states` (n, m): each node's estimate of the average of each column, within `bound`."""

    states: Array
    bound: float
    rounds: int
    messages: int


def metropolis_rounds(weights: Weights, x: Array) -> Iterator[Array]:
    """Yield x(k+1) = W x(k), (12) of the lane paper with x_j in the sum, which prints x_i."""
    while True:
        x = weights.apply(x)
        yield x


def chebyshev_rounds(weights: Weights, x: Array, eigenvalue: float) -> Iterator[Array]:
    """Yield a two-term recursion by Chebyshev polynomials of W / eigenvalue (Golub, Varga 1961).

    The error after k rounds is at most that of the start over T_k(1 / eigenvalue), the best that
    any polynomial in W of this degree can promise.
    """
    before, x = x, weights.apply(x)
    yield x
    omega = 2.0
    while True:
        omega = (
            1 / (1 - eigenvalue**2 * omega / 4) if omega != 2.0 else 1 / (1 - eigenvalue**2 / 2)
        )
        before, x = x, omega * (weights.apply(x) - before) + before
        yield x


def consensus(
    graph: Graph, values: Array, tolerance: float, *, accelerated: bool = False
) -> Consensus:
    """Average the columns of `values` (n, m) until every state is within `tolerance`.

    With `accelerated` the rounds are Chebyshev's, for which all nodes must know the second
    eigenvalue. InputError if the graph is directed or not connected; WptError after too many
    rounds.
    """
    weights = metropolis(graph)
    if accelerated:
        rounds = chebyshev_rounds(weights, values, second_eigenvalue(weights))
    else:
        rounds = metropolis_rounds(weights, values)
    return run(graph, values, rounds, spread, tolerance)


def run(
    graph: Graph, values: Array, rounds: Iterator[Array], bound: ErrorBound, tolerance: float
) -> Consensus:
    """Run rounds until the flooded bound is within the tolerance; WptError if it never is."""
    delay = diameter(graph)
    edges = sum(len(graph[i]) for i in graph)
    kept, kept_round, known = values, 0, math.inf
    for k, states in enumerate(rounds, start=1):
        if k - kept_round == delay:
            known = bound(kept, kept_round)
            if known <= tolerance:
                return Consensus(kept, known, k, k * edges)
            kept, kept_round = states, k
        if k >= ROUNDS_MAX:
            break
    raise WptError(f"no consensus to {tolerance:g} within {ROUNDS_MAX} rounds: {known:g} is left")


def spread(states: Array, _rounds: int) -> float:
    """Bound the error by the spread of the states: the average lies between the extremes."""
    return float(np.ptp(states, axis=0).max())


def ratio_spread(states: Array, _rounds: int) -> float:
    """Bound the error of the ratio of two averages, a mean of the nodes' ratios if all x2 > 0."""
    if (states[:, 1] <= 0).any():
        return math.inf
    return float(np.ptp(states[:, 0] / states[:, 1]))


def two_round(values: Array) -> Consensus:
    """Average on a star in two rounds: all send to the centre, which sends the average back.

    After one Metropolis round the centre, whose weights are all 1 / (n + 1), holds the average.
    """
    leaves = values.shape[0] - 1
    states = np.repeat(values.mean(axis=0, keepdims=True), leaves + 1, axis=0)
    return Consensus(states, 0.0, 2, 2 * leaves)


def finite_time(graph: Graph, values: Array) -> Consensus:
    """Average exactly in as many rounds as W has distinct eigenvalues below 1.

    Applies prod (W - l I) / (1 - l); each factor is one round and a local combination. This suits
    graphs with few eigenvalues: the star has n / (n + 1) and 0, so it takes two rounds.
    """
    weights = metropolis(graph)
    eigenvalues = _distinct(np.linalg.eigvalsh(weights.dense())[:-1].tolist())
    x = values
    for eigenvalue in eigenvalues:
        x = (weights.apply(x) - eigenvalue * x) / (1 - eigenvalue)
    rounds = len(eigenvalues)
    return Consensus(x, 0.0, rounds, rounds * sum(len(graph[i]) for i in graph))


def star_rounds_law(n: int, distance: float, tolerance: float) -> float:
    """Predict the Metropolis rounds on a star of n leaves, with slow eigenvalue n / (n + 1)."""
    return math.log(distance / tolerance) / math.log1p(1 / n)


def _distinct(eigenvalues: list[float]) -> list[float]:
    """Drop repeated eigenvalues; small ones come first, which keeps rounding errors small."""
    kept: list[float] = []
    for value in sorted(eigenvalues, key=abs):
        if all(abs(value - other) > 1e-9 for other in kept):
            kept.append(value)
    return kept
