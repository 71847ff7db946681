# SPDX-License-Identifier: MIT
"""Turn a circuit into the bill of materials of one node: parts, numbers, alternatives."""

import csv
import io
from collections.abc import Iterator

from generator.circuit import Circuit
from generator.tables import Tables

COLUMNS = ("quantity", "references", "part", "order number", "alternatives")
Row = tuple[str, str, str, str, str]


def rows(circuit: Circuit, tables: Tables) -> Iterator[Row]:
    """One row a part; then the connectors of the carrier that the modules' cables plug into."""
    parts: dict[str, list[str]] = {}
    plugs: dict[str, list[str]] = {}
    for ref, part in circuit.parts.items():
        parts.setdefault(part.name, []).append(ref)
        if part.connector:
            plugs.setdefault(part.connector, []).append(ref)
    for refs in parts.values():
        one = circuit.parts[refs[0]]
        yield str(len(refs)), " ".join(refs), one.title, one.order, one.alternatives
    for name, refs in plugs.items():
        one_plug = tables.parts[name]
        yield (
            str(len(refs)),
            "for " + " ".join(refs),
            one_plug["title"],
            one_plug["order"],
            one_plug["alternatives"],
        )


def table(circuit: Circuit, tables: Tables) -> str:
    """CSV text with one line a part."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows(circuit, tables))
    return text.getvalue()
