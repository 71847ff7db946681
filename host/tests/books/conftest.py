# SPDX-License-Identifier: MIT
"""A server for a module, and a database with the ledgers' schema for each test."""

from collections.abc import Callable, Iterator

import pytest

from crowdcharge.ledger.place import BooksUrl
from crowdcharge.ledger.postgres_rows import create

from .cluster import OWNER, SERVICE, Cluster


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


@pytest.fixture
def database(new_database: Callable[[], str]) -> str:
    """Return the name of a database where the service may add rows."""
    return new_database()


@pytest.fixture
def books(cluster: Cluster, database: str) -> BooksUrl:
    """Return the ledger of site north, which has no row yet."""
    return cluster.url(database)
