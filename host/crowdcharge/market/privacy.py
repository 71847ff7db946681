# SPDX-License-Identifier: MIT
"""PURE: what a curious peer would learn of the others in masked consensus.

Two independent tests, for any graph and any set of colluding peers. Containment (after Mo and
Murray): a node is exposed if all that it hears from and itself is also heard by the observers.
Maximum likelihood: the variance with which the observers can estimate a node's secret from all
that they hear in a number of rounds, with no prior on the secrets and Gaussian noise.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from crowdcharge.market.graph import Graph, Weights, metropolis
from crowdcharge.market.masking import MaskedRound
from crowdcharge.market.problem import Array

_SINGULAR = 1e-9


@dataclass(frozen=True, slots=True)
class Exposure:
    """The nodes whose secret comes out exactly in the end, and the variance of all estimates.

    `variance` (n,) is in units of the noise variance: 0 for the observers, inf where the secret is
    not determined at all.
    """

    exposed: tuple[int, ...]
    variance: Array


def exposure(
    graph: Graph,
    observer: int,
    colluding: Collection[int] = (),
    *,
    decay: float = 0.9,
    horizon: int = 40,
) -> Exposure:
    """Run both tests for one observer and the nodes that share what they see with it.

    `decay` is the noise's alpha, `horizon` the number of rounds that are heard.
    """
    observers = {observer, *colluding}
    matrix = metropolis(graph).dense()
    return Exposure(
        contained(graph, observers), ml_variance(graph, observers, matrix, decay, horizon)
    )


def contained(graph: Graph, observers: Collection[int]) -> tuple[int, ...]:
    """List the nodes whose closed neighbourhood lies in that of the observers."""
    heard = set(observers).union(*(graph[i] for i in observers))
    return tuple(
        i for i in graph if i not in observers and i in heard and heard.issuperset(graph[i])
    )


def ml_variance(
    graph: Graph, observers: Collection[int], weights: Array, decay: float, horizon: int
) -> Array:
    """Compute the variance of the maximum-likelihood estimate of each x(0), in noise variances.

    What is heard is linear in the unknown secrets and noises and free of error, so the estimate
    is the least noise on an affine space: with N its directions, split into secrets and noises,
    the covariance is Nx (Nv' Nv)^-1 Nx'.
    """
    n = len(graph)
    unknown = [i for i in graph if i not in observers]
    heard = sorted(set(observers).union(*(graph[i] for i in observers)))
    view = _view(weights, heard, unknown, decay, horizon)
    directions = _null_space(view)
    secrets, noises = directions[: len(unknown)], directions[len(unknown) :]
    variance = np.zeros(n)
    variance[unknown] = _variances(secrets, noises)
    return variance


def recover_from_star(weights: Weights, rounds: Sequence[MaskedRound]) -> Array:
    """Recover every EV's secret (n, m) from what the lane of a masked star sends and hears.

    An EV hears only the lane, so the lane can compute the EV's next state. The difference to what
    the EV then sends is its noise, and all noises of an EV add up to zero.
    """
    matrix = weights.dense()
    own, from_lane = np.diag(matrix)[1:, None], matrix[1:, 0][:, None]
    first = rounds[0].sent[1:]
    noise_sum = np.zeros_like(first)
    for before, after in pairwise(rounds):
        state = own * before.sent[1:] + from_lane * before.sent[0]
        noise_sum += after.sent[1:] - state
    return first + noise_sum


def _view(
    weights: Array, heard: Iterable[int], unknown: list[int], decay: float, horizon: int
) -> Array:
    """Build the observers' linear view.

    Rows are the heard messages x(k) + w(k), k = 0..horizon; columns are the unknown x(0) and then
    the noises.
    """
    n, u = len(weights), len(unknown)
    columns = u + u * (horizon + 1)
    state = np.zeros((n, columns))
    state[unknown, range(u)] = 1.0
    heard = list(heard)
    rows = []
    for k in range(horizon + 1):
        sent = state.copy()
        sent[unknown, range(u + u * k, u + u * (k + 1))] += decay**k
        if k:
            sent[unknown, range(u + u * (k - 1), u + u * k)] -= decay ** (k - 1)
        rows.append(sent[heard])
        state = weights @ sent
    return np.vstack(rows)


def _null_space(matrix: Array) -> Array:
    _, sizes, rows = np.linalg.svd(matrix)
    rank = int((sizes > _SINGULAR * sizes[0]).sum())
    return np.asarray(rows[rank:].T)


def _variances(secrets: Array, noises: Array) -> Array:
    if noises.shape[1] == 0:
        return np.zeros(len(secrets))
    values, vectors = np.linalg.eigh(noises.T @ noises)
    along = secrets @ vectors
    free = values < _SINGULAR
    variance = (along[:, ~free] ** 2 / values[~free]).sum(axis=1)
    variance[(np.abs(along[:, free]) > np.sqrt(_SINGULAR)).any(axis=1)] = np.inf
    return np.asarray(variance)
