# SPDX-License-Identifier: MIT
"""Several sites in one database: what one has found comes to the other; no two have one number."""

from dataclasses import replace
from pathlib import Path

import pytest

from crowdcharge.errors import InputError
from crowdcharge.ledger import kinds
from crowdcharge.ledger.neighbours import Neighbours
from crowdcharge.ledger.postgres_rows import PostgresRows
from crowdcharge.ledger.store import Store
from wptcore import wire

from ..ledger.conftest import opening, sign

pytestmark = pytest.mark.program("initdb", "postgresql")

NORTH, SOUTH = kinds.SiteRow("north", 1), kinds.SiteRow("south", 2)
RUN = kinds.Run("p", 1, None)
FILE = """
[run]
policy = "oblivious-share"
keys = "keys.toml"
out = "out"
site = "{site}"
site_number = {number}
ledger = "{ledger}"
[contacts]
slots = [[[1, 2]]]
"""


def looked(neighbours, database):
    return [each for found in neighbours.look(database) for each in found]


def test_what_another_site_has_read_is_looked_at_once(cluster, database):
    ours, theirs = cluster.url(database, "north"), cluster.url(database, "south")
    neighbours = Neighbours(NORTH)
    receipts = [sign(1, 5, wire.PTX, 100), sign(2, 5, wire.PRX, 60)]
    with Store.create(ours) as store:
        store.append([RUN, NORTH, opening(5)])
    looking = PostgresRows.to_write(ours)
    assert looked(neighbours, looking) == [] and looking.others() == {}
    with Store.create(theirs) as store:
        store.append([RUN, SOUTH, *store.book.admit(receipts[:1])])
        assert looked(neighbours, looking) == [("south", receipts[0])]
        assert looked(neighbours, looking) == []
        store.append(store.book.admit(receipts[1:]))
        assert looked(neighbours, looking) == [("south", receipts[1])]
    assert looking.others() == {"south": 4}
    looking.close()


def test_a_database_that_was_made_anew_is_looked_through_anew(cluster, new_database):
    """The other site has lost its file with it, so its chain begins again."""
    neighbours = Neighbours(NORTH)
    for receipt, more in ((sign(1, 5, wire.PTX, 100), 9), (sign(2, 5, wire.PRX, 60), 0)):
        database = new_database()
        with Store.create(cluster.url(database, "south")) as store:
            store.append([RUN, SOUTH, *[opening(1 + each) for each in range(more)]])
            store.append(store.book.admit([receipt]))
        looking = PostgresRows.to_write(cluster.url(database, "north"))
        assert looked(neighbours, looking) == [("south", receipt)]
        looking.close()


@pytest.fixture
def file(tmp_path: Path):
    (tmp_path / "keys.toml").write_text(
        "[keys]\n" + "".join(f'{board} = "{board:02x}{"00" * 31}"\n' for board in (1, 2))
    )
    (tmp_path / "keys.toml").chmod(0o600)

    def write(site: str, number: int, ledger: str) -> Path:
        path = tmp_path / "run.toml"
        path.write_text(FILE.format(site=site, number=number, ledger=ledger))
        return path

    return write


def test_two_sites_of_one_number_are_refused(cluster, database, crowdcharge, file):
    with Store.create(cluster.url(database, "north")) as store:
        store.append([RUN, *[opening(each) for each in range(1, 40)], replace(NORTH, number=7)])
    path = file("south", 7, cluster.text(database))
    code, _, said = crowdcharge("run", path, "--check")
    assert code == 2 and said.count("\n") == 1
    assert "site north has the number 7 too" in said
    assert crowdcharge("run", file("south", 8, cluster.text(database)), "--check")[0] == 0
    code, _, said = crowdcharge("run", file("north", 8, cluster.text(database)), "--check")
    assert code == 2 and said.count("\n") == 1
    assert "is the ledger of site north, number 7, for ever" in said


def test_two_sites_of_one_name_are_refused(cluster, database):
    with Store.create(cluster.url(database, "north")) as store:
        store.append([RUN, NORTH])
        with pytest.raises(InputError, match="another service writes to this site"):
            PostgresRows.write(cluster.url(database, "north"))
