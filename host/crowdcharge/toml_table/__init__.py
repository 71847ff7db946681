# SPDX-License-Identifier: MIT
"""The one reader of TOML files: whatever is wrong is an InputError `FILE, line N: key: what`."""

from crowdcharge.toml_table.table import (
    INTEGER_MAX,
    NESTING_MAX,
    NUMBER_MAX,
    Range,
    Table,
    written,
)

__all__ = ["INTEGER_MAX", "NESTING_MAX", "NUMBER_MAX", "Range", "Table", "written"]
