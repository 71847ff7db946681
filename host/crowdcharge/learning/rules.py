# SPDX-License-Identifier: MIT
"""PURE: known protocols as wanted levels, to compare with what is learned.

Each takes an episode and returns what its boards want (copies, n). The levels weigh by capacity,
as `weights = "capacity"` does for the policies of the same names.
"""

import numpy as np

from crowdcharge.learning.episode import COMMON, LEVEL, MEAN, OTHER, OTHERS_MEAN, Episode, Values
from crowdcharge.policy.loss_aware import target_level_J


def oblivious_share(episode: Episode) -> Values:
    """P_OS: both want the level at which they would be equal."""
    wanted: Values = episode.observation[:, :, COMMON]
    return wanted


def online_average(episode: Episode) -> Values:
    """P_OA: the same, if exactly one of the two is above the mean of the levels it has met."""
    seen = episode.observation
    own_above = seen[:, :, LEVEL] > seen[:, :, MEAN]
    others_above = seen[:, :, OTHER] > seen[:, :, OTHERS_MEAN]
    return np.where(own_above != others_above, seen[:, :, COMMON], seen[:, :, LEVEL])


def loss_aware(episode: Episode, beta: float) -> Values:
    """Want the level that loses least, from all levels of the crowd; no board can know that."""
    capacity_J = episode.capacity_J
    targets = [target_level_J(row, beta, capacity_J) for row in episode.energy_J]
    return np.repeat(np.array(targets)[:, None], len(capacity_J), axis=1)
