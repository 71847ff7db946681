# SPDX-License-Identifier: MIT
"""PURE: the groups among the transfers of a live picture: one transmitter, several receivers."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from crowdcharge.service.running import runs

Shown = dict[str, Any]


def groups_of(transfers: Iterable[Shown]) -> list[Shown]:
    """Return each group with its sums, which are those of its transfers.

    What is sent is the transmitter's own meter; the transfers have it apportioned. What arrives
    now is not known (None) before every receiver has spoken.
    """
    groups: dict[int, list[Shown]] = {}
    for each in transfers:
        if each["group_id"]:
            groups.setdefault(each["group_id"], []).append(each)
    return [_group(group_id, members) for group_id, members in groups.items()]


def _group(group_id: int, members: list[Shown]) -> Shown:
    head = members[0]
    return {
        "group_id": group_id,
        "group_rule": head["group_rule"],
        "ptx": head["ptx"],
        "prxs": [each["prx"] for each in members],
        "transfers": [each["transfer_id"] for each in members],
        "running": any(map(runs, members)),
        **{
            name: _sum(members, name)
            for name in ("sent_mW", "received_mW", "sent_mJ", "received_mJ", "loss_mJ")
        },
    }


def _sum(members: list[Shown], name: str) -> int | None:
    values = [each[name] for each in members]
    return None if None in values else sum(values)


def group_now(groups: Iterable[Shown], board_id: int) -> int | None:
    """Return the running group in which a board is."""
    for group in groups:
        if group["running"] and board_id in {group["ptx"], *group["prxs"]}:
            number: int = group["group_id"]
            return number
    return None


def whole_groups(keys: Collection[int], transfers: Mapping[int, Shown]) -> list[int]:
    """Return these transfers and all others of their groups: a part would have wrong sums."""
    groups = {transfers[key]["group_id"] for key in keys} - {None}
    others = [key for key, each in transfers.items() if each["group_id"] in groups]
    return [*{*keys, *others}]
