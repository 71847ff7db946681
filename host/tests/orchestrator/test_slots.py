# SPDX-License-Identifier: MIT
"""An adapter holds a few connections only (5 to 7): never more are asked of it."""

import asyncio

from crowdcharge.orchestrator.contacts import ContactSchedule
from crowdcharge.orchestrator.events import TransferEnded, TransferStarted, Trouble

SLOTS = 5


async def most_links(world) -> int:
    """Watch until cancelled; the highest number of connections at once."""
    most = 0
    try:
        while True:
            most = max(most, sum(len(board.links) for board in world.boards.values()))
            await asyncio.sleep(0.005)
    except asyncio.CancelledError:
        return most


def test_eight_boards_share_five_slots(make_world, run):
    world = make_world({board: 90.0 if board % 2 else 10.0 for board in range(1, 9)})
    pairs = ((1, 2), (3, 4), (5, 6), (7, 8))
    world.lay(*pairs)

    async def story():
        watch = asyncio.create_task(most_links(world))
        await world.host(ContactSchedule(15.0, (pairs,)), until_s=40.0, slots=SLOTS)
        watch.cancel()
        assert await watch == SLOTS

    run(world, story())
    assert {(each.ptx, each.prx) for each in world.of(TransferEnded)} == set(pairs)
    world.check_books()


def test_those_who_waited_come_first_and_waiting_is_no_trouble(make_world, run):
    """Transfers that outlast their slots: the other two pairs have the second one."""
    world = make_world({board: 90.0 if board % 2 else 10.0 for board in range(1, 9)})
    pairs = ((1, 2), (3, 4), (5, 6), (7, 8))
    world.lay(*pairs)

    async def story():
        await world.host(ContactSchedule(6.0, (pairs,)), until_s=23.0, slots=SLOTS)

    run(world, story())
    started = [(each.ptx, each.prx) for each in world.of(TransferStarted)]
    assert set(started[:4]) == set(started[4:8]) == set(pairs)
    assert [each.text for each in world.of(Trouble)] == []
    world.check_books()
