# SPDX-License-Identifier: MIT
"""What boards agreed on by themselves is fetched: signed where a key is known, else as a claim.

A host that is killed at any touch of the outside (radio, disk) while it collects loses nothing and
books nothing twice, and two hosts may collect at once.
"""

import asyncio

from crowdcharge.bench.sessions.core_radio import CoreRadio
from crowdcharge.bench.sessions.jumping_time import LoopClock
from crowdcharge.bench.sessions.steady_board import CURVE
from crowdcharge.ledger.verify import judge
from crowdcharge.orchestrator.collecting import collect
from wptcore import wire

from .world import MortalStore


def pair(make_world):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))
    world.boards[1].core.on_loss_curve(CURVE, ((2, CURVE),))  # the world's coils carry 2.4 W
    return world


async def meet(world, number):
    """Let board 1 give to board 2 as after a meeting, until both have signed."""
    for board, role in ((2, wire.PRX), (1, wire.PTX)):
        grant = (number, role, 3 - board, 0, 2, 3000, 9000, 60_000, 0, 5000, wire.GRANTED_BY_PEER)
        assert not world.boards[board].core.grant(grant)
    await asyncio.sleep(3.0)
    for board in world.boards.values():
        board.core.stop(number)
    await asyncio.sleep(1.0)


async def collecting(world, ledger=""):
    """One life of a host that collects."""
    radio, emit = CoreRadio(world), world.events.append
    return await world.life(
        lambda store: collect(radio, store, world.keys, LoopClock(), emit, 3.0), ledger
    )


def owed(world):
    return [board.core._receipts.owed for board in world.boards.values()]


def test_a_board_without_a_key_here_only_claims(make_world, run):
    world = pair(make_world)
    found = []

    async def story():
        await meet(world, 77)
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


def killed_while_collecting(make_world, run, kill_at):
    world = pair(make_world)

    async def story():
        await meet(world, 77)
        await meet(world, 78)
        assert owed(world) == [3, 3]
        world.edges, world.kill_at = 0, kill_at
        await collecting(world)
        edges.append(world.edges)
        world.kill_at = None
        if world.dead:
            assert (await collecting(world)).boards == [1, 2]

    edges = []
    run(world, story())
    world.check_books()
    assert owed(world) == [0, 0]  # and all have room again
    with world.store() as store:
        assert {each.state for each in store.book.transfers.values()} == {"settled"}
        assert sorted(store.book.transfers) == [77, 78]
    return edges[0]


def test_a_collection_that_ends_at_any_touch_loses_nothing_and_books_nothing_twice(
    make_world, run
):
    edges = killed_while_collecting(make_world, run, None)
    assert edges > 20
    for kill_at in range(1, edges + 1):
        killed_while_collecting(make_world, run, kill_at)


def test_two_hosts_that_collect_at_once_both_have_all(make_world, run):
    world = pair(make_world)

    async def story():
        await meet(world, 77)
        await meet(world, 78)
        both = await asyncio.gather(collecting(world), collecting(world, "other.sqlite"))
        assert [found.boards for found in both] == [[1, 2], [1, 2]]

    run(world, story())
    assert owed(world) == [0, 0]
    for ledger in ("", "other.sqlite"):
        world.check_books(ledger)
        with world.store(ledger) as store:
            assert [each.state for each in store.book.transfers.values()] == ["settled"] * 2
