# SPDX-License-Identifier: MIT
"""A ledger in PostgreSQL: equal to the one in a file, and guarded by the database itself."""

import json
import sqlite3

import pytest

from crowdcharge.errors import InputError, LedgerError
from crowdcharge.ledger import kinds
from crowdcharge.ledger.keeping import catch_up
from crowdcharge.ledger.postgres_rows import PostgresRows
from crowdcharge.ledger.sqlite_rows import SqliteRows
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import judge

from ..ledger.conftest import KEYS, fill
from .cluster import OWNER

pytestmark = pytest.mark.program("initdb", "postgresql")


def test_what_was_written_is_read_again(books):
    with Store.create(books) as store:
        fill(store)
    with Store.read(books) as store:
        verdict = judge(store.rows(), KEYS)
        assert not verdict.is_wrong and store.damage() is None
        assert len(store.load().transfers) == 3
