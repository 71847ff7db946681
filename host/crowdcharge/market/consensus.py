# SPDX-License-Identifier: MIT
"""Average consensus: peers that talk only to neighbours all reach the average of their values.

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
    """x(k+1) = W x(k). The printed (12) has x_i in the sum; it must be x_j."""
    while True:
        x = weights.apply(x)
        yield x


def chebyshev_rounds(weights: Weights, x: Array, eigenvalue: float) -> Iterator[Array]:
    """Two-term recursion with the Chebyshev polynomials of W / eigenvalue (Golub, Varga 1961).

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
    """Averages the columns of `values` (n, m) until every state is within `tolerance` of it.

    `accelerated` takes Chebyshev rounds, for which all nodes must know the second eigenvalue.
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
    """Rounds until the flooded bound is within the tolerance; WptError if it never is."""
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
    """The average lies between the extremes, so no state is further off than their spread."""
    return float(np.ptp(states, axis=0).max())


def ratio_spread(states: Array, _rounds: int) -> float:
    """The same for the ratio of two averages: a mean of the nodes' ratios with weights x2 > 0."""
    if (states[:, 1] <= 0).any():
        return math.inf
    return float(np.ptp(states[:, 0] / states[:, 1]))


def two_round(values: Array) -> Consensus:
    """The star's exact protocol: everybody sends to the centre, which sends the average back.

    After one Metropolis round the centre, whose weights are all 1 / (n + 1), holds the average.
    """
    leaves = values.shape[0] - 1
    states = np.repeat(values.mean(axis=0, keepdims=True), leaves + 1, axis=0)
    return Consensus(states, 0.0, 2, 2 * leaves)


def finite_time(graph: Graph, values: Array) -> Consensus:
    """The exact average after as many rounds as W has distinct eigenvalues below 1.

    Applies prod (W - l I) / (1 - l); each factor is one round and a local combination. Meant for
    graphs with few eigenvalues: the star has n / (n + 1) and 0, so two rounds.
    """
    weights = metropolis(graph)
    eigenvalues = _distinct(np.linalg.eigvalsh(weights.dense())[:-1].tolist())
    x = values
    for eigenvalue in eigenvalues:
        x = (weights.apply(x) - eigenvalue * x) / (1 - eigenvalue)
    rounds = len(eigenvalues)
    return Consensus(x, 0.0, rounds, rounds * sum(len(graph[i]) for i in graph))


def star_rounds_law(n: int, distance: float, tolerance: float) -> float:
    """Metropolis rounds on a star of n leaves: its slow eigenvalue is n / (n + 1)."""
    return math.log(distance / tolerance) / math.log1p(1 / n)


def _distinct(eigenvalues: list[float]) -> list[float]:
    """Small ones first, which keeps rounding errors from growing."""
    kept: list[float] = []
    for value in sorted(eigenvalues, key=abs):
        if all(abs(value - other) > 1e-9 for other in kept):
            kept.append(value)
    return kept
