# SPDX-License-Identifier: MIT
"""PURE: choose charging partners for a whole crowd so that most cord sessions are skipped."""

from collections.abc import Mapping

Relief = Mapping[tuple[int, int], float]  # (user, partner) -> sessions the user skips


def most_relief(relief: Relief) -> set[frozenset[int]]:
    """Choose the pairs with the greatest total relief.

    This is a maximum-weight matching (Edmonds 1965), found by networkx.
    """
    import networkx as nx  # noqa: PLC0415 - belongs to an extra

    graph = nx.Graph()
    for a, b in sorted(relief):
        total = relief[a, b] + relief.get((b, a), 0)
        if total > 0:
            graph.add_edge(a, b, weight=total)
    return {frozenset(pair) for pair in nx.max_weight_matching(graph)}
