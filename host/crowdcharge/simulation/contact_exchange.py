# SPDX-License-Identifier: MIT
"""Contacts to and from other programs: CSV with a header, and graphs of NetworkX.

Contacts are undirected: what comes back has the lower number in `a`, sorted by start.
"""

from collections.abc import Iterable
from dataclasses import astuple, fields
from math import isfinite
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crowdcharge.errors import InputError
from crowdcharge.files import read_text
from crowdcharge.simulation.contacts import Contact
from crowdcharge.simulation.output import write_table
from crowdcharge.simulation.traces.options import TraceOptions
from crowdcharge.simulation.traces.readers import read_trace

if TYPE_CHECKING:
    import networkx

CSV_MAX_bytes = 400_000_000
_HEADER = tuple(field.name for field in fields(Contact))
_COLUMNS = TraceOptions(columns={"a": "a", "b": "b", "start": "start_s", "end": "end_s"})


def write_csv(path: Path, contacts: Iterable[Contact]) -> None:
    """Write a row `start_s,end_s,a,b` for each contact."""
    write_table(path, _HEADER, map(astuple, contacts))


def read_csv(path: Path) -> list[Contact]:
    """Read such a file; as in every trace, contacts of one pair that touch are one contact.

    InputError names the file and the line.
    """
    return read_trace(read_text(path, CSV_MAX_bytes), str(path), "edges", _COLUMNS).contacts


def to_networkx(contacts: Iterable[Contact]) -> "networkx.MultiGraph":
    """Make a graph with an edge for each contact, which has `start_s` and `end_s`."""
    import networkx  # noqa: PLC0415 - belongs to an extra

    graph = networkx.MultiGraph()
    for contact in contacts:
        graph.add_edge(contact.a, contact.b, start_s=contact.start_s, end_s=contact.end_s)
    return graph


def from_networkx(graph: "networkx.Graph") -> list[Contact]:
    """Return the contacts of such a graph; InputError names an edge that is none."""
    return sorted(_contact(*edge) for edge in graph.edges(data=True))


def _contact(a: Any, b: Any, data: dict[str, Any]) -> Contact:
    if not is_whole(a) or not is_whole(b) or a == b:
        raise InputError(f"edge {a!r} - {b!r}: a contact is between two whole numbers")
    try:
        start_s, end_s = float(data["start_s"]), float(data["end_s"])
    except (KeyError, TypeError, ValueError):
        raise InputError(f"edge {a} - {b}: needs the numbers start_s and end_s") from None
    if not (isfinite(start_s) and isfinite(end_s) and start_s <= end_s):
        raise InputError(f"edge {a} - {b}: from {start_s:g} to {end_s:g} s is no contact")
    return Contact(start_s, end_s, int(min(a, b)), int(max(a, b)))


def is_whole(node: Any) -> bool:
    """Tell a whole number, of Python or of an array, from anything else that a node may be."""
    return isinstance(node, Integral) and not isinstance(node, bool)
