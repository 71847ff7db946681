# SPDX-License-Identifier: MIT
"""The judge of sites finds energy that was told beyond a receipt, and what is open."""

from collections.abc import Callable

import pytest

from crowdcharge.ledger import kinds
from crowdcharge.ledger.store import Store
from wptcore import wire

from ..books.cluster import Cluster
from ..ledger.conftest import opening, reading, settle, sign
from .judge import unfinished_in, wrong_in

pytestmark = pytest.mark.program("initdb", "postgresql")
FIRST = 1 << 22  # the first number of site 1


@pytest.mark.parametrize(("told_mJ", "wrong"), [(1000, 0), (1001, 1)])
def test_a_board_that_told_more_than_its_receipt_had_another_host(
    cluster: Cluster, new_database: Callable[[], str], told_mJ: int, wrong: int
) -> None:
    database = new_database()
    with Store.create(cluster.url(database)) as store:
        store.append([kinds.SiteRow("north", 1), opening(FIRST), opening(FIRST + 1)])
        store.append([kinds.Sample(FIRST, 1, wire.PTX, 9, 1, told_mJ, 500, 250)])
        receipts = sign(1, FIRST, wire.PTX, 1000), sign(2, FIRST, wire.PRX, 600)
        settle(store, FIRST, *receipts)
        store.append([reading(1, 880, sent_mJ=1000), reading(2, 110, received_mJ=600)])
    found = wrong_in(cluster, database)
    assert [each.split(":")[0] for each in found] == ["granted by two sites at once"] * wrong
    (unfinished,) = unfinished_in(cluster, database)
    assert str(FIRST + 1) in unfinished and f"'{FIRST}'" not in unfinished
