# SPDX-License-Identifier: MIT
"""Contacts go out to CSV and NetworkX and come back."""

import csv
import re
from dataclasses import astuple
from pathlib import Path

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.errors import InputError
from crowdcharge.simulation import study
from crowdcharge.simulation.contact_exchange import (
    from_networkx,
    read_csv,
    to_networkx,
    write_csv,
)
from crowdcharge.simulation.contacts import Contact, from_slots, merged, random_meetings
from crowdcharge.simulation.scenario import parse

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "scenario.md"

TIMES = st.floats(0, 1e7, allow_subnormal=False)
CONTACTS = st.builds(
    lambda start_s, lasts_s, pair: Contact(start_s, start_s + lasts_s, *pair),
    TIMES,
    TIMES,
    st.lists(st.integers(0, 50), min_size=2, max_size=2, unique=True),
)


def undirected(contacts):
    return sorted(Contact(c.start_s, c.end_s, min(c.a, c.b), max(c.a, c.b)) for c in contacts)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(st.lists(CONTACTS, min_size=1, max_size=20))
def test_csv_comes_back_exactly_with_what_touches_joined(tmp_path_factory, contacts):
    path = tmp_path_factory.mktemp("csv") / "contacts.csv"
    write_csv(path, contacts)
    assert read_csv(path) == undirected(merged(contacts))
    with path.open(encoding="utf-8", newline="") as file:
        rows = [tuple(map(float, row.values())) for row in csv.DictReader(file)]
    assert rows == [astuple(contact) for contact in contacts]


@settings(deadline=None, derandomize=True)
@given(st.lists(CONTACTS, max_size=20))
def test_a_graph_comes_back_exactly(contacts):
    graph = to_networkx(contacts)
    assert graph.number_of_edges() == len(contacts)
    assert from_networkx(graph) == undirected(contacts)


def test_a_graph_has_the_degrees_and_parts_of_the_crowd():
    contacts = list(random_meetings(range(40), 30, 1.0, 1.0, seed=2))
    graph = to_networkx(contacts)
    met = [contact.a for contact in contacts] + [contact.b for contact in contacts]
    assert dict(graph.degree()) == {node: met.count(node) for node in set(met)}
    chain = to_networkx(from_slots([[(1, 2)], [(3, 4)], [(2, 3)]], 10.0, 60.0))
    assert networkx.is_connected(chain)
    assert networkx.diameter(chain) == 3


def test_a_plain_graph_of_somebody_else():
    graph = networkx.path_graph(3)
    with pytest.raises(InputError, match="edge 0 - 1: needs the numbers start_s and end_s"):
        from_networkx(graph)
    networkx.set_edge_attributes(graph, {(0, 1): 5, (1, 2): 3}, "start_s")
    networkx.set_edge_attributes(graph, 7, "end_s")
    assert from_networkx(graph) == [Contact(3, 7, 1, 2), Contact(5, 7, 0, 1)]


@pytest.mark.parametrize(
    ("edge", "said"),
    [
        (("a", "b", {"start_s": 0, "end_s": 1}), "edge 'a' - 'b': a contact is between two whole"),
        ((1, 1, {"start_s": 0, "end_s": 1}), "edge 1 - 1: a contact is between two whole"),
        ((1, 2, {"start_s": "x", "end_s": 1}), "needs the numbers"),
        ((1, 2, {"start_s": 2, "end_s": 1}), "from 2 to 1 s is no contact"),
        ((1, 2, {"start_s": float("nan"), "end_s": 1}), "is no contact"),
    ],
)
def test_an_edge_that_is_no_contact_is_one_line(edge, said):
    graph = networkx.Graph()
    graph.add_edges_from([edge])
    with pytest.raises(InputError, match=said):
        from_networkx(graph)


def test_nodes_may_be_the_numbers_of_an_array():
    graph = networkx.Graph()
    for a, b in np.array([[4, 2], [2, 3]]):
        graph.add_edge(a, b, start_s=np.float32(1), end_s=np.int64(2))
    contacts = from_networkx(graph)
    assert contacts == [Contact(1, 2, 2, 3), Contact(1, 2, 2, 4)]
    assert {type(each.a) for each in contacts} == {int}
    graph.add_edge(np.True_, 3, start_s=1, end_s=2)
    with pytest.raises(InputError, match="between two whole numbers"):
        from_networkx(graph)


def test_a_bad_row_is_named(tmp_path):
    path = tmp_path / "contacts.csv"
    path.write_text("start_s,end_s,a,b\n0,1,1,2\n5,4,1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"contacts\.csv, line 3: "):
        read_csv(path)


def test_a_scenario_reads_the_file_as_the_page_says(tmp_path):
    contacts = [Contact(0, 5, 1, 2), Contact(7, 9.25, 2, 3)]
    write_csv(tmp_path / "c.csv", contacts)
    (columns,) = re.findall(r"`(columns = \{ a = \"a\".*?\})`", PAGE.read_text(encoding="utf-8"))
    text = f'[crowd]\nn = 3\n[contacts]\ntrace = "c.csv"\nformat = "edges"\n{columns}\n'
    assert study.trace_of(parse(text), tmp_path) == contacts
