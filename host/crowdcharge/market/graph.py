# SPDX-License-Identifier: MIT
"""PURE: who talks to whom, and the Metropolis weights of average consensus.

A graph is any mapping of nodes 0..n-1 to their neighbours (a dict of sets, a networkx Graph).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crowdcharge.errors import InputError
from crowdcharge.market.problem import Array

Graph = Mapping[int, Collection[int]]


def star(n: int) -> dict[int, list[int]]:
    """Make a star: the lane is node 0, and n EVs talk to it alone."""
    return {0: list(range(1, n + 1)), **{i: [0] for i in range(1, n + 1)}}


def diameter(graph: Graph) -> int:
    """Count the rounds in which a flood reaches every node; InputError if it does not."""
    return max(_eccentricity(graph, node) for node in _ends(graph))


@dataclass(frozen=True, slots=True)
class Weights:
    """A symmetric, doubly stochastic matrix by its diagonal and its directed edges."""

    diagonal: Array
    source: NDArray[np.intp]
    target: NDArray[np.intp]
    value: Array

    def apply(self, x: Array) -> Array:
        """Compute W x for x of shape (n, m)."""
        n = self.diagonal.size
        moved = [
            np.bincount(self.target, self.value * column[self.source], minlength=n)
            for column in x.T
        ]
        mixed: Array = self.diagonal[:, None] * x + np.column_stack(moved)
        return mixed

    def dense(self) -> Array:
        matrix = np.diag(self.diagonal)
        matrix[self.target, self.source] = self.value
        return matrix


def metropolis(graph: Graph) -> Weights:
    """Set w_ij = 1 / (1 + max(degree_i, degree_j)), a symmetric W that keeps the sum of states.

    InputError if an edge has no way back.
    """
    pairs = np.array([(i, j) for i in graph for j in graph[i]], dtype=np.intp).reshape(-1, 2)
    source, target = pairs.T
    n = len(graph)
    if set(zip(source.tolist(), target.tolist(), strict=True)) != set(
        zip(target.tolist(), source.tolist(), strict=True)
    ):
        raise InputError("consensus needs an undirected graph: an edge has no way back")
    degree = np.bincount(source, minlength=n)
    value = 1.0 / (1 + np.maximum(degree[source], degree[target]))
    diagonal = np.ones(n) - np.bincount(target, value, minlength=n)
    return Weights(diagonal, source, target, value)


def second_eigenvalue(weights: Weights) -> float:
    """Find the largest modulus below 1, which sets the speed; dense, so for small graphs."""
    return float(np.sort(np.abs(np.linalg.eigvalsh(weights.dense())))[-2])


def _ends(graph: Graph) -> list[int]:
    """List enough nodes to find the diameter: all, but only one of a star's equal leaves."""
    n = len(graph)
    hubs = [i for i in graph if len(graph[i]) == n - 1]
    if n > 2 and len(hubs) == 1 and all(len(graph[i]) == 1 for i in graph if i != hubs[0]):
        return [next(i for i in graph if i != hubs[0])]
    return list(graph)


def _eccentricity(graph: Graph, start: int) -> int:
    reached = {start}
    frontier = {start}
    steps = 0
    while len(reached) < len(graph):
        frontier = {j for i in frontier for j in graph[i]} - reached
        if not frontier:
            raise InputError("consensus needs a connected graph: some nodes are out of reach")
        reached |= frontier
        steps += 1
    return steps
