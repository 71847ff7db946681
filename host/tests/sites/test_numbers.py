# SPDX-License-Identifier: MIT
"""A site's numbers are its own, and its ledger keeps to its site."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdcharge.errors import InputError, LedgerError
from crowdcharge.ledger import kinds
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.numbers import SITE_MAX, ids_of
from crowdcharge.ledger.peers import openings
from crowdcharge.ledger.rows import passed_row
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import judge
from crowdcharge.orchestrator.ledger_keeper import LedgerKeeper
from crowdcharge.orchestrator.run_folder import LEDGER, RunFolder
from crowdcharge.policy.base import Offer
from wptcore import wire

from ..ledger.conftest import KEYS, opening, sign
from ..ledger.test_groups import KEYS as MEMBERS
from ..ledger.test_groups import sign as sign_member
from ..ledger.test_peers import receipt as of_peers

RUN, NORTH = kinds.Run("p", 1, None), kinds.SiteRow("north", 7)
SITES = st.integers(1, SITE_MAX)


def site_of(transfer_id: int) -> int:
    """Return the site in a transfer's number, as docs/adr/0029-sites.md lays it out."""
    return transfer_id >> 22


class StoppedClock:
    def now_s(self) -> float:
        return 0.0


def keeper(store: Store, first: int) -> LedgerKeeper:
    return LedgerKeeper(store, KEYS, StoppedClock(), lambda _event: None, first)  # type: ignore[arg-type]


@given(SITES, SITES)
def test_no_number_is_of_two_sites(one: int, other: int) -> None:
    ids = ids_of(one)
    assert 0 < ids[0] <= ids[-1] < 1 << 32
    assert site_of(ids[0]) == site_of(ids[-1]) == one
    assert one == other or not {ids[0], ids[-1]} & {ids_of(other)[0], ids_of(other)[-1]}


@pytest.mark.parametrize("first", [1, (1 << 22) - 1, (1 << 31) + 5])
def test_a_site_counts_within_its_numbers_and_begins_again_at_their_end(
    tmp_path: Path, first: int
) -> None:
    with Store.create(tmp_path / LEDGER) as store:
        store.append([RUN, NORTH, opening(5)])  # of before it was one of several
        kept = keeper(store, first)
        given_ids = [kept.open(Offer(1, 2, 1.0), 0).transfer_id for _ in range(3)]
        assert len(set(given_ids)) == 3
        assert {site_of(each) for each in given_ids} == {7}
        assert given_ids[0] % (1 << 22) == first % (1 << 22)
        again = keeper(store, first).open(Offer(1, 2, 1.0), 0).transfer_id
        assert again not in given_ids and site_of(again) == 7


def test_a_ledger_keeps_its_site(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for _ in range(2):
        with folder.recording(RUN, site=NORTH) as store:
            assert store.book.site == NORTH
    for other in (None, kinds.SiteRow("north", 8), kinds.SiteRow("south", 7)):
        with (
            pytest.raises(InputError, match="is the ledger of site north, number 7, for ever"),
            folder.recording(RUN, site=other),
        ):
            pass
    with Store.read(tmp_path / LEDGER) as store:
        assert [row.kind for row in store.rows()].count("site") == 1


def test_only_site_one_opens_what_boards_agreed_on() -> None:
    told = [of_peers(1, wire.PTX, 8000)]
    for number, opens in ((1, 1), (2, 0)):
        assert len(openings(Book(site=kinds.SiteRow("x", number)), told, 5)) == opens
    assert len(openings(Book(), told, 5)) == 1


def test_what_another_site_read_settles_once_and_the_board_may_tell_it_again(
    tmp_path: Path,
) -> None:
    sent, received = sign(1, 5, wire.PTX, 1000), sign(2, 5, wire.PRX, 600)
    forged = sign(2, 5, wire.PRX, 900, key=bytes(32))
    with Store.create(tmp_path / LEDGER) as store:
        store.append([RUN, NORTH, opening(5), opening(6)])
        kept = keeper(store, 1)
        kept.take([("south", sent), ("east", sent), ("south", forged)])
        assert store.book.transfers[5].state == "open"
        kept.take([("south", received), ("south", sign(1, 77, wire.PTX, 3))])
        kept.take([("south", received)])
        assert store.book.transfers[5].state == "settled"
        store.append(store.book.admit([sent]))
        rows = list(store.rows())
        assert [row.kind for row in rows].count("passed") == 2
        assert [row.kind for row in rows].count("receipt") == 1
        assert not judge(rows, KEYS).is_wrong
        with pytest.raises(LedgerError):
            store.append([passed_row(sent, "south")])


def test_a_group_of_which_another_site_read_the_last_receipt_is_settled_whole(
    tmp_path: Path,
) -> None:
    with Store.create(tmp_path / LEDGER) as store:
        store.append([RUN, NORTH])
        kept = LedgerKeeper(store, MEMBERS, StoppedClock(), lambda _event: None, 1)  # type: ignore[arg-type]
        (head, other), group_id = kept.open_group(1, {2: 5000, 3: 5000}, "equal", 0)
        received = [
            sign_member(2, head.transfer_id, wire.PRX, 1000, 1, group=group_id),
            sign_member(3, other.transfer_id, wire.PRX, 900, 1, group=group_id),
        ]
        kept.take([("south", each) for each in received])
        sent = sign_member(1, head.transfer_id, wire.PTX, 3000, 2, group=group_id)
        kept.take([("south", sent)])
        transfers = [store.book.transfers[each.transfer_id] for each in (head, other)]
        assert [each.state for each in transfers] == ["settled", "settled"]
        assert sum(each.sent_mJ for each in transfers) == 3000
