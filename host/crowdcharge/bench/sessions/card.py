# SPDX-License-Identifier: MIT
"""The card of the data set: how it was made, what its columns mean, what it does not show."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from crowdcharge.bench.sessions import plan
from crowdcharge.bench.sessions.tables import MEANS, TABLES
from crowdcharge.files.arrow import columns_of

CARD = "README.md"
BEGINNING = b"---\nlicense: mit\npretty_name: Sessions of boards"
_KINDS = {int: "whole number", float: "number", str: "text"}


def card(made: Mapping[str, str | int], counts: Mapping[str, int], paths: Iterable[Path]) -> str:
    """Return the card's text; `made` is what the command says, `counts` are rows by table.

    `paths` are the tables' files, in the same order.
    """
    top = (files("crowdcharge") / "data" / "data-set-card.md").read_text(encoding="utf-8")
    text = top.format(length_s=plan.LENGTH_s, capacity_J=plan.CAPACITY_J, **made)
    text += "## Faults\n\n| fault | share of the sessions |\n|---|---|\n"
    text += "".join(f"| `{name}` | {share:.0%} |\n" for name, share in plan.FAULTS.items())
    text += "\n## Tables\n\nUnits are the ends of the names. `session` joins all tables, "
    text += "`session` and `transfer` join samples to transfers.\n\n"
    text += "| file | rows | SHA-256 |\n|---|---|---|\n"
    for path, count in zip(paths, counts.values(), strict=True):
        text += f"| `{path.name}` | {count} | `{sha256(path.read_bytes()).hexdigest()}` |\n"
    return text + "".join(_table(name) for name in TABLES)


def _table(name: str) -> str:
    record, row = TABLES[name]
    text = f"\n### {name}\n\nA row is {row}.\n\n| column | type | meaning |\n|---|---|---|\n"
    for column, kind in columns_of(record).items():
        text += f"| `{column}` | {_KINDS[kind]} | {MEANS[column]} |\n"
    return text
