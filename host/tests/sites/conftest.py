# SPDX-License-Identifier: MIT
"""A real PostgreSQL server for a module, and an empty database of ledgers for each test."""

from collections.abc import Callable, Iterator

import pytest

from crowdcharge.ledger.postgres_rows import create

from ..books.cluster import OWNER, SERVICE, Cluster


@pytest.fixture(scope="module")
def cluster(program_path: Callable[[str], str]) -> Iterator[Cluster]:
    made = Cluster(program_path)
    yield made
    made.remove()


@pytest.fixture
def new_database(cluster: Cluster) -> Callable[[], str]:
    """Return what makes a database where the service may add rows, and gives its name."""

    def make() -> str:
        name = cluster.database()
        create(cluster.url(name, user=OWNER), SERVICE)
        return name

    return make
