# SPDX-License-Identifier: MIT
"""The numpy reference engine: the same meetings, in sets that do not touch each other."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from crowdcharge.simulation.rule import ENERGY, MET, TOTAL, WEIGHT, Rule
from crowdcharge.simulation.schedule import Indices

Agents = NDArray[np.floating]


def independent_sets(pairs: Indices, n: int) -> Iterator[Indices]:
    """Splits an ordered list of meetings into sets of disjoint ones that keep each agent's order.

    Doing the sets one after another, all of a set at once, gives what doing the meetings one
    after another gives.
    """
    first = np.empty(n, np.int64)
    pairs = pairs.astype(np.intp)
    while len(pairs):
        index = np.arange(len(pairs))
        # Of repeated indices the last assignment stays: written backwards, the first meeting.
        first[pairs[::-1].ravel()] = np.repeat(index[::-1], 2)
        ready = (first[pairs[:, 0]] == index) & (first[pairs[:, 1]] == index)
        yield pairs[ready]
        pairs = pairs[~ready]


def run_given(agents: Agents, pairs: Indices, kept: np.floating, rule: Rule) -> None:
    """Meetings in the order given; `pairs` (k, 2)."""
    block = max(16, len(agents) // 4)
    for low in range(0, len(pairs), block):
        for disjoint in independent_sets(pairs[low : low + block], len(agents)):
            run_disjoint(agents, disjoint, kept, rule)


def run_disjoint(agents: Agents, pairs: Indices, kept: np.floating, rule: Rule) -> None:
    """Meetings that share no agent; `pairs` (k, 2). Twin of `kernels.meet`."""
    a, b = (np.ascontiguousarray(side, np.intp) for side in pairs.T)
    row_a, row_b = agents.take(a, axis=0), agents.take(b, axis=0)
    energy_a, energy_b = row_a[:, ENERGY], row_b[:, ENERGY]
    level_a, level_b = energy_a, energy_b
    if rule.weighted:
        weight_a, weight_b = row_a[:, WEIGHT], row_b[:, WEIGHT]
        level_a, level_b = energy_a / weight_a, energy_b / weight_b
        sent = (energy_a * weight_b - energy_b * weight_a) / (weight_a + weight_b)
    else:
        sent = (energy_a - energy_b) / 2
    if rule.quantum_J is not None:
        quantum = agents.dtype.type(rule.quantum_J)
        sent = np.clip(sent, -quantum, quantum)
    if rule.gated:
        row_a[:, TOTAL] += level_b
        row_b[:, TOTAL] += level_a
        row_a[:, MET] += 1
        row_b[:, MET] += 1
        above_a = level_a * row_a[:, MET] > row_a[:, TOTAL]
        above_b = level_b * row_b[:, MET] > row_b[:, TOTAL]
        sent = np.where(above_a != above_b, sent, 0)
    reaches = sent * kept
    row_a[:, ENERGY] = energy_a - np.where(sent > 0, sent, reaches)
    row_b[:, ENERGY] = energy_b + np.where(sent > 0, reaches, sent)
    agents[a], agents[b] = row_a, row_b
