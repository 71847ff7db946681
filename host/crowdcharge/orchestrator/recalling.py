# SPDX-License-Identifier: MIT
"""A policy that measures wear is told what the ledger of earlier runs knows of each battery."""

from crowdcharge.ledger.store import Store
from crowdcharge.policy.base import Policy


def remind(policy: Policy, store: Store) -> None:
    """Read the whole ledger, if the policy has `recall`; before boards run, because it takes long.

    A fade that the rows do not carry counts as none.
    """
    recall = getattr(policy, "recall", None)
    if recall is None:
        return
    from crowdcharge.passport.document import fade_of  # noqa: PLC0415 - few policies need it
    from crowdcharge.passport.history import histories  # noqa: PLC0415

    for board_id, found in histories(store.rows(), store.book.last_reading).items():
        recall(board_id, found.charges, (fade_of(found).value or 0) / 1000)
