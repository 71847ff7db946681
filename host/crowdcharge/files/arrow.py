# SPDX-License-Identifier: MIT
"""Typed tables of Arrow and files of Parquet.

A table's columns are given as name -> int, float, str or bool; any cell may be empty. pyarrow is
loaded when the first table is made.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from crowdcharge.errors import InputError
from crowdcharge.escaping import shown
from crowdcharge.files.whole import replaced

Columns = Mapping[str, type]
Rows = Iterable[Mapping[str, Any]]
T = TypeVar("T")
_ARROW = {int: "int64", float: "float64", str: "string", bool: "bool"}
_BATCH_rows = 1 << 16


def columns_of(kind: type) -> dict[str, type]:
    """Return a column for each field of a dataclass of plain values."""
    hints = get_type_hints(kind)
    return {
        each.name: (get_args(hints[each.name]) or (hints[each.name],))[0] for each in fields(kind)
    }


def one_of(tables: Mapping[str, T], name: str, kind: str = "table") -> T:
    """Return what makes the table of that name; InputError lists those that there are."""
    if name not in [*tables]:  # it may be anything, and what has no hash is no key
        raise InputError(f"no {kind} {shown(name)}; known: {', '.join(tables)}")
    return tables[name]


def arrow_table(columns: Columns, rows: Rows) -> Any:
    """Make a pyarrow.Table; what a row lacks is null."""
    import pyarrow  # noqa: PLC0415 - an extra

    return pyarrow.Table.from_pylist(list(rows), schema=_schema(columns))


def pandas_frame(table: Any) -> Any:
    """Make a pandas.DataFrame of a pyarrow.Table; whole numbers stay whole beside empty cells."""
    import pandas  # noqa: PLC0415 - an extra
    import pyarrow  # noqa: PLC0415

    return table.to_pandas(types_mapper={pyarrow.int64(): pandas.Int64Dtype()}.get)


def write_parquet(path: Path, columns: Columns, rows: Rows) -> None:
    """Write a Parquet file, whole or not at all, without holding all rows at once."""
    from pyarrow import parquet  # noqa: PLC0415

    left = iter(rows)
    with (
        replaced(path) as beside,
        beside.open("wb") as file,
        parquet.ParquetWriter(file, _schema(columns), compression="zstd") as writer,
    ):
        while batch := list(islice(left, _BATCH_rows)):
            writer.write_table(arrow_table(columns, batch))


def _schema(columns: Columns) -> Any:
    import pyarrow  # noqa: PLC0415

    return pyarrow.schema([(name, _ARROW[kind]) for name, kind in columns.items()])
