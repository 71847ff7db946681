# SPDX-License-Identifier: MIT
"""PURE: choose partners for a whole crowd, nobody in two pairs, so that a sum is greatest."""

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


def greatest_sum(worth: Mapping[tuple[int, int], float]) -> set[frozenset[int]]:
    """Choose pairs (giver, taker) with the greatest total worth, each above 0; nobody is both.

    As the two sides are known, this is an assignment (sparse Jonker and Volgenant, by scipy). A
    giver may stay alone, which is a column of its own.
    """
    from scipy.sparse import csr_array  # noqa: PLC0415 - belongs to an extra
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching  # noqa: PLC0415

    if not worth:
        return set()
    givers, takers = (sorted({pair[side] for pair in worth}) for side in (0, 1))
    row, column = ({agent: k for k, agent in enumerate(each)} for each in (givers, takers))
    n, alone = len(givers), max(worth.values())  # added to all, for a cost of 0 is no entry
    rows = [*(row[giver] for giver, _ in worth), *range(n)]
    columns = [*(column[taker] for _, taker in worth), *range(len(takers), len(takers) + n)]
    gains = [*(each + alone for each in worth.values()), *[alone] * n]
    chosen = min_weight_full_bipartite_matching(
        csr_array((gains, (rows, columns)), shape=(n, len(takers) + n)), maximize=True
    )
    return {
        frozenset((givers[k], takers[at]))
        for k, at in zip(*(side.tolist() for side in chosen), strict=True)
        if at < len(takers)
    }
