# SPDX-License-Identifier: MIT
"""A real PostgreSQL server for a module, and empty databases, as the tests of books have them."""

from ..books.conftest import cluster, database, new_database

__all__ = ["cluster", "database", "new_database"]
