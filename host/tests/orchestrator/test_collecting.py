# SPDX-License-Identifier: MIT
"""What boards agreed on by themselves is fetched: signed where a key is known, else as a claim."""

import asyncio

from crowdcharge.bench.sessions.core_radio import CoreRadio
from crowdcharge.bench.sessions.jumping_time import LoopClock
from crowdcharge.bench.sessions.steady_board import CURVE
from crowdcharge.ledger.verify import judge
from crowdcharge.orchestrator.collecting import collect
from wptcore import wire

from .world import MortalStore


def test_a_board_without_a_key_here_only_claims(make_world, run):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))
    world.boards[1].core.on_loss_curve(CURVE, ((2, CURVE),))  # the world's coils carry 2.4 W
    found = []

    async def story():
        for number, role in ((2, wire.PRX), (1, wire.PTX)):
            grant = (77, role, 3 - number, 0, 2, 3000, 9000, 60_000, 0, 5000, wire.GRANTED_BY_PEER)
            assert not world.boards[number].core.grant(grant)
        await asyncio.sleep(3.0)
        for board in world.boards.values():
            board.core.stop(77)
        await asyncio.sleep(1.0)
        keys = {1: world.boards[1].key}
        with MortalStore.open(world, world.ledger) as store:
            radio = CoreRadio(world)
            found.append(await collect(radio, store, keys, LoopClock(), world.events.append, 3.0))

    run(world, story())
    assert (found[0].boards, found[0].claimed) == ([1], [2])
    with world.store() as store:
        transfer = store.book.transfers[77]
        (claim,) = store.book.claims.values()
        assert transfer.state == "one-sided" and transfer.received_mJ == 0 < transfer.sent_mJ
        assert claim.energy_mJ > 0
        verdict = judge(store.rows(), {1: world.boards[1].key})
    assert verdict.claimed == 1 and not verdict.is_wrong
