# SPDX-License-Identifier: MIT
"""PURE: a ledger as one long table in which each row is one fact.

A column is a field of the kinds (kinds.py), empty where a kind lacks it. Two things are told in
another form, because a column holds one plain value: a price is in credits/Wh, and each take of a
market is a fact of its own, of the kind `take`.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from crowdcharge.files.arrow import columns_of
from crowdcharge.ledger.bodies import Body, body_of
from crowdcharge.ledger.kinds import KINDS, MarketRow, MarketTake
from crowdcharge.ledger.rows import Row
from wptcore.market import FRACTION_BITS

TAKE = "take"
_INT_END = 1 << 63
_FIELDS = {
    name: of for kind in (*KINDS.values(), MarketTake) for name, of in columns_of(kind).items()
}
_TOLD_OTHERWISE = {"price", "takes"}
COLUMNS: dict[str, type] = {
    "seq": int,
    "run": int,
    "kind": str,
    **{name: of for name, of in _FIELDS.items() if name not in _TOLD_OTHERWISE},
    "price_per_Wh": float,
    "hash": str,
}


def facts(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """Yield the facts in order; `run` counts the host's starts. LedgerError names a bad row."""
    run = 0
    for row in rows:
        content = row.content()
        run += row.kind == "run"
        head = {"seq": row.seq, "run": run, "kind": row.kind, "hash": row.hash}
        yield head | _cells(row, body_of(content))
        if isinstance(content, MarketRow):
            of_market = head | {"kind": TAKE, "market_id": content.market_id}
            yield from (of_market | _cells(row, body_of(take)) for take in content.takes)


def _cells(row: Row, body: Body) -> dict[str, Any]:
    cells = {name: _cell(row, name, value) for name, value in body.items() if name in COLUMNS}
    return (
        cells | {"price_per_Wh": body["price"] / (1 << FRACTION_BITS)}
        if "price" in body
        else cells
    )


def _cell(row: Row, name: str, value: Any) -> Any:
    if isinstance(value, str):  # JSON may hold half a surrogate pair, UTF-8 may not
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, int) and not -_INT_END <= value < _INT_END:
        raise row.wrong(f"gives {name} more than the 64 bits of a table's column")
    return value
