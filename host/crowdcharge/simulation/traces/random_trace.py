# SPDX-License-Identifier: MIT
"""PURE: random time-space graphs, after section VI-B of the cyclic-mobispace paper (LAL / LAY).

The paper gives the cycle (50 slots) and no density; the default of 5 contacts an agent and cycle
is a reconstruction.
"""

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from crowdcharge.errors import InputError

ATTEMPTS_MAX = 1000


def random_trace(
    n: int, rng: np.random.Generator, cycle: int = 50, contacts_per_agent: float = 5.0
) -> npt.NDArray[np.int64]:
    """Draw contacts (i, j, t), sorted by t: uniform pairs in uniform slots 1..cycle, connected.

    There are n * contacts_per_agent / 2 of them, no two the same; draws that leave the graph of
    a whole cycle unconnected are thrown away.
    """
    count = round(n * contacts_per_agent / 2)
    if n < 2 or count < n - 1 or count > n * (n - 1) // 2 * cycle:
        raise InputError(f"{n} agents cannot be connected by {count} distinct contacts a cycle")
    for _ in range(ATTEMPTS_MAX):
        contacts = _draw(n, count, cycle, rng)
        if is_connected(contacts, n):
            return contacts[np.argsort(contacts[:, 2], kind="stable")]
    raise InputError(f"{contacts_per_agent:g} contacts an agent do not connect {n} agents")


def _draw(n: int, count: int, cycle: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    keys = rng.choice(n * (n - 1) // 2 * cycle, size=count, replace=False, shuffle=False)
    pair, slot = np.divmod(keys, cycle)
    high = ((1 + np.sqrt(8.0 * pair + 1)) / 2).astype(np.int64)  # pair = high (high - 1) / 2 + low
    high -= high * (high - 1) // 2 > pair
    low = pair - high * (high - 1) // 2
    return np.column_stack([low, high, slot + 1])


def is_connected(contacts: npt.NDArray[np.int64], n: int) -> bool:
    """Tell whether the contacts of a cycle connect all n agents, whatever their times."""
    links = coo_array((np.ones(len(contacts)), (contacts[:, 0], contacts[:, 1])), shape=(n, n))
    return bool(connected_components(links, directed=False, return_labels=False) == 1)
