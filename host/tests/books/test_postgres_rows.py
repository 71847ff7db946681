# SPDX-License-Identifier: MIT
"""A ledger in PostgreSQL: equal to the one in a file, and guarded by the database itself."""

import pytest

from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import judge

from ..ledger.conftest import KEYS, fill

pytestmark = pytest.mark.program("initdb", "postgresql")


def test_what_was_written_is_read_again(books):
    with Store.create(books) as store:
        fill(store)
    with Store.read(books) as store:
        verdict = judge(store.rows(), KEYS)
        assert not verdict.is_wrong and store.damage() is None
        assert len(store.load().transfers) == 3
