# SPDX-License-Identifier: MIT
"""Who becomes whose charging partner, network-wide: greatest relief, or nobody wants to swap."""

from collections.abc import Mapping

from crowdcharge.errors import PlanInfeasible

Relief = Mapping[tuple[int, int], float]  # (user, partner) -> sessions the user skips


def most_relief(relief: Relief) -> set[frozenset[int]]:
    """The pairs with the greatest total relief (maximum-weight matching, Edmonds, by networkx)."""
    import networkx as nx  # noqa: PLC0415 - belongs to an extra

    graph = nx.Graph()
    for a, b in sorted(relief):
        total = relief[a, b] + relief.get((b, a), 0)
        if total > 0:
            graph.add_edge(a, b, weight=total)
    return {frozenset(pair) for pair in nx.max_weight_matching(graph)}


def stable_partners(relief: Relief) -> set[frozenset[int]]:
    """Pairs such that no two users would both skip more with each other than with their own.

    Irving's stable roommates (J. Algorithms 6, 1985) with unacceptable partners: those who
    bring one of the two nothing. Ties go to the lower number. Raises PlanInfeasible when no
    stable pairing exists.
    """
    lists = preference_lists(relief)
    propose(lists)
    rotation = find_rotation(lists)
    while rotation:
        had_partner = {user for user, choice in lists.items() if choice}
        for user, choice in rotation:
            if user in lists[choice]:
                reject_worse_than(lists, choice, user)
        if any(not lists[user] for user in had_partner):
            raise PlanInfeasible("no stable pairing exists for these preferences")
        rotation = find_rotation(lists)
    return {frozenset((user, choice[0])) for user, choice in lists.items() if choice}


Lists = dict[int, list[int]]


def preference_lists(relief: Relief) -> Lists:
    users = sorted({user for pair in relief for user in pair})
    lists: Lists = {}
    for user in users:
        liked = [
            other
            for other in users
            if relief.get((user, other), 0) > 0 and relief.get((other, user), 0) > 0
        ]
        lists[user] = sorted(liked, key=lambda other: -relief[user, other])
    return lists


def propose(lists: Lists) -> None:
    """Phase 1: everyone proposes down the list; who holds a proposal drops all worse ones."""
    held: dict[int, int] = {}
    waiting = sorted(lists)
    while waiting:
        user = waiting.pop()
        if not lists[user]:
            continue
        choice = lists[user][0]
        loser = held.get(choice)
        held[choice] = user  # whoever held it before is worse, or would have been dropped
        reject_worse_than(lists, choice, user)
        if loser is not None and loser != user:
            waiting.append(loser)


def reject_worse_than(lists: Lists, user: int, partner: int) -> None:
    keep = lists[user].index(partner) + 1
    for other in lists[user][keep:]:
        lists[other].remove(user)
    del lists[user][keep:]


def find_rotation(lists: Lists) -> list[tuple[int, int]]:
    """Pairs (x, second choice of x) of an exposed rotation; empty when all lists are short."""
    start = next((user for user in sorted(lists) if len(lists[user]) > 1), None)
    if start is None:
        return []
    path = [start]
    while True:
        following = lists[lists[path[-1]][1]][-1]
        if following in path:
            return [(user, lists[user][1]) for user in path[path.index(following) :]]
        path.append(following)
