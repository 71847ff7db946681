# SPDX-License-Identifier: MIT
"""PURE: what a crowd's key makes of each member: the `crowd` of a board's identity."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from wptcore import peer_keys, peer_policy

POLICIES = tuple(sorted(peer_policy.POLICIES))
POLICY = "oblivious-share"


def crowd_id(crowd_key: bytes) -> int:
    """Return the number by which boards name the crowd; it says nothing of the key."""
    return int.from_bytes(sha256(b"crowdcharge crowd" + crowd_key).digest()[:4], "little")


def membership(
    crowd_key: bytes,
    board_id: int,
    members: Iterable[int],
    *,
    epoch: int = 0,
    policy: str = POLICY,
) -> dict[str, Any]:
    """Return what board `board_id` gets: its root, the members' alias key, its key to each."""
    number = crowd_id(crowd_key)
    roots = {
        member: peer_keys.root(sha256, crowd_key, epoch, member) for member in sorted({*members})
    }
    return {
        "id": number,
        "policy": policy,
        "alias": peer_keys.alias_key(sha256, crowd_key, epoch).hex(),
        "root": peer_keys.root(sha256, crowd_key, epoch, board_id).hex(),
        "peers": {
            str(member): peer_keys.pair_key(sha256, root, number, board_id).hex()
            for member, root in roots.items()
            if member != board_id
        },
    }
