# SPDX-License-Identifier: MIT
"""Turn a circuit into the bill of materials of one node: parts, numbers, alternatives."""

import csv
import io
from collections.abc import Iterator

from generator.circuit import Circuit

COLUMNS = ("quantity", "references", "part", "order number", "alternatives")


def rows(circuit: Circuit) -> Iterator[tuple[str, str, str, str, str]]:
    groups: dict[str, list[str]] = {}
    for ref, part in circuit.parts.items():
        groups.setdefault(part.name, []).append(ref)
    for refs in groups.values():
        one = circuit.parts[refs[0]]
        yield str(len(refs)), " ".join(refs), one.title, one.order, one.alternatives


def table(circuit: Circuit) -> str:
    """The bill of materials as CSV text, one line for each part."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows(circuit))
    return text.getvalue()
