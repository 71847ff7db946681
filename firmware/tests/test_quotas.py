# SPDX-License-Identifier: MIT
"""The quota of an agreement: how much of a board's day another crowd gets at most."""

import struct

from peers import CROWD_ID, Node, Room, copied, membership, receipts
from wptcore import ept
from wptcore.consent import AGREED, CROWD
from wptcore.quotas import QUOTAS_MAX, Quotas

OTHERS = 99  # an agreed crowd


def agreed_room(quotas, taker=2, crowd=OTHERS, stored=None):
    """Board 1 gives to its own crowd and to an agreed one; `taker` is of `crowd`."""
    giver = Node(1, 900, gives_to=CROWD | AGREED, crowd=membership(1, agreed=[99, 98], **quotas))
    asker = Node(taker, 300, crowd=membership(taker, crowd_id=crowd))
    if stored is not None:
        giver.stored = stored
        giver.boot()
        asker._drawn = 100 * stored.epoch  # else its transfers have the numbers of those before
    return Room(giver, asker)


QUOTA = {"quotas": {"99": 5000}}


def given(room):
    return room.nodes[0].board.figures[5]


def test_the_quota_of_an_agreement_holds_over_reboots_and_for_that_crowd_only():
    room = agreed_room(QUOTA).run(30_000)
    assert 4900 <= given(room) <= 5050
    room.reboot(room.nodes[0])
    room.run(15_000)
    assert given(room) <= 5050 and room.nodes[1].taker.refused_by == ept.QUOTA
    stored = room.nodes[0].stored
    first_mJ = given(room)
    own = agreed_room(QUOTA, crowd=CROWD_ID, stored=stored).run(5000)
    assert own.nodes[0].board.coil_on  # its own crowd goes on
    own.nodes[0].board.stop(own.nodes[0].board.ack_fields()[2])
    other = agreed_room(QUOTA, 3, crowd=98, stored=own.nodes[0].stored).run(5000)
    assert other.nodes[0].board.coil_on  # and another agreed one, which has no quota
    assert given(other) > first_mJ


def test_a_quota_is_of_the_crowd_whichever_of_its_boards_asks():
    room = agreed_room(QUOTA).run(30_000)
    stored = room.nodes[0].stored
    room = agreed_room(QUOTA, 3, stored=stored).run(15_000)
    assert room.nodes[1].taker.refused_by == ept.QUOTA and given(room) <= 5050


def test_a_quota_comes_back_after_a_day_and_with_another_agreement():
    room = agreed_room(QUOTA).run(30_000)
    giver = room.nodes[0]
    more = {"quotas": {"99": 8000}}
    raised = agreed_room(more, stored=copied(giver.stored)).run(30_000)
    assert 7900 <= given(raised) <= 8050
    giver.board.on_elapsed(86_400_000)
    room.run(1000)
    assert giver.board.consent.given_mJ < 1000
    room.run(30_000)
    assert 9800 <= given(room) <= 10_100


def test_an_offer_from_before_does_not_exceed_the_quota():
    """Two boards of a crowd get offers, and both take theirs."""
    room = agreed_room(QUOTA).run(2000)
    giver = room.nodes[0]
    giver.board._running.energy_max_mJ = 60_000  # as if an older offer stood
    room.run(30_000)
    assert given(room) <= 5050 and receipts(giver)[0][9] == ept.QUOTA


def test_no_more_crowds_are_counted_than_are_kept():
    saved = b"".join(struct.pack("<II", crowd, 10) for crowd in range(1, QUOTAS_MAX + 1))
    quotas = Quotas({1: 100, 50: 100}, saved)
    again = Quotas({}, quotas.saved(0, 0))
    assert again._given_mJ == quotas._given_mJ and len(again._given_mJ) == QUOTAS_MAX
    assert quotas.left_mJ(1) == 90
    assert quotas.left_mJ(50) == 0  # what has ended today still counts


def test_a_count_outlives_its_agreement_for_the_day():
    """The owner ends all agreements, and makes the same one again."""
    room = agreed_room(QUOTA).run(30_000)
    first_mJ = given(room)
    none = agreed_room({}, stored=room.nodes[0].stored).run(1000)
    again = agreed_room(QUOTA, stored=none.nodes[0].stored)
    assert again.nodes[0].board.consent.ends_for(OTHERS) == ept.QUOTA
    assert none.nodes[0].board.consent.given_mJ >= first_mJ


def test_a_giver_whose_power_fails_in_each_transfer_gives_no_more_than_its_quota():
    quotas = {"quotas": {"99": 10_000}}
    for crowd, of_crowd, day_mJ in ((CROWD_ID, {}, 10_000), (OTHERS, quotas, 0)):
        room = agreed_room(of_crowd, crowd=crowd)
        giver = room.nodes[0]
        giver.consent = (CROWD | AGREED, day_mJ)
        room.reboot(giver)
        before_uJ = giver.stored_uJ
        for _ in range(4):
            for _ in range(1000):
                if not giver.board.coil_on:
                    room.step()
            room.run(6000)  # power flows, and nothing is stored: that is once a minute
            room.reboot(giver)
            room.run(5000)
            giver.board._store.forgive_boots()  # somebody looks after it
        assert 4000 < (before_uJ - giver.stored_uJ) // 1000 < 10_100
