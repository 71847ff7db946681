# SPDX-License-Identifier: MIT
"""Host-run crowds obey what owners have signed, against real cores."""

import asyncio
import os
from hashlib import sha256

from crowdcharge.boards import mandates
from crowdcharge.orchestrator.contacts import ContactSchedule
from crowdcharge.orchestrator.events import Refused, Settled, TransferStarted, Trouble
from wptcore import alias, consent, mandate
from wptcore.journal import Saved
from wptcore.mandated import Mandated

from .world import MortalStore

OWNER = bytes(range(1, 33))
PAIR = ContactSchedule(60.0, (((1, 2),),))


def owned(world, board_id, **words):
    """Let an owner sign for a board of the world."""
    board = world.boards[board_id].core
    board._owner_key = mandates.board_key(OWNER, board_id)
    board.consent = Mandated(board.consent, Saved(), sha256, board._owner_key, board_id)
    signed = mandates.MandateTerms(board_id, 1, **words).signed(OWNER)
    assert isinstance(board.take_mandate(signed), tuple)


def test_a_board_that_consents_to_nobody_is_not_even_asked(make_world, run):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))
    owned(world, 1, gives_to=0)

    async def story():
        with MortalStore.open(world, world.ledger) as store:
            orchestrator = world.orchestrator(store, PAIR)
            await orchestrator.run(10.0)
            reasons.update(orchestrator.decisions.reasons)

    reasons: dict[int, str] = {}
    run(world, story())
    assert not world.of(TransferStarted) and not world.of(Refused)
    assert reasons == dict.fromkeys((1, 2), "The owner of board 1 lets it give nothing now.")
    world.check_books()


def test_a_board_refuses_by_itself_whatever_the_host_believes(make_world, run):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))
    owned(world, 1, gives_to=consent.CROWD)
    told = type(world.boards[1].core).consent_fields
    type(world.boards[1].core).consent_fields = property(lambda _board: (1, 0, *[1 << 31] * 2, 0))
    try:
        run(world, world.host(PAIR, until_s=10.0))
    finally:
        type(world.boards[1].core).consent_fields = told
    assert {each.name for each in world.of(Refused)} == {"NO_CONSENT"}
    world.check_books()


def test_a_donor_whose_owner_is_asked_gives_at_the_next_meeting(make_world, run):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))
    owned(world, 1, flags=mandate.ASK_FIRST)
    meets = ContactSchedule(6.0, (((1, 2),), ()))

    async def story():
        asyncio.get_running_loop().call_later(5.0, world.boards[1].core.on_button, 100)
        await world.host(meets, until_s=30.0)

    run(world, story())
    assert [each.name for each in world.of(Refused)] == ["OWNER_ASKED"]
    assert world.of(Settled)
    world.check_books()


def test_a_quota_and_a_wish_bound_what_flows(make_world, run):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))
    owned(world, 2, wants_mJ=1500)
    run(world, world.host(PAIR, until_s=15.0))
    (settled,) = world.of(Settled)
    assert 1500 <= settled.sent_mJ <= 1800
    world.check_books()


def test_a_wish_is_met_first_by_those_who_offer(make_world, run):
    """Three pairs, room for one at a time: pair 5-6 has the only wish, 3-4 has no donor."""
    world = make_world({1: 90.0, 2: 10.0, 3: 90.0, 4: 10.0, 5: 90.0, 6: 10.0})
    world.lay((1, 2), (3, 4), (5, 6))
    owned(world, 6, wants_mJ=1000)
    owned(world, 3, gives_to=0)
    owned(world, 4, wants_mJ=1000)
    contacts = ContactSchedule(10.0, ((), ((1, 2), (3, 4), (5, 6))))
    run(world, world.host(contacts, until_s=30.0, slots=2))
    pairs = [(each.ptx, each.prx) for each in world.of(TransferStarted)]
    assert pairs[0] == (5, 6) and (1, 2) in pairs and (3, 4) not in pairs
    world.check_books()


def test_a_host_finds_and_serves_a_hidden_board(make_world, run):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))
    board = world.boards[1]
    host = alias.host_key(sha256, board.key)
    board.beacon = alias.Alias(board.core, sha256, os.urandom, host, bytes(32)).data
    run(world, world.host(PAIR, until_s=30.0))
    (settled,) = world.of(Settled)
    assert settled.state == "settled" and not world.of(Trouble)
    del board.beacon
    world.check_books()
