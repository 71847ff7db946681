# SPDX-License-Identifier: MIT
"""A board that is gone, or at work for another host, keeps nobody from meeting others."""

import asyncio

from crowdcharge.orchestrator.contacts import ContactSchedule
from crowdcharge.orchestrator.events import BoardLost, TransferEnded, TransferStarted, Trouble

BOTH = ((1, 3), (3, 4))
LATE = ContactSchedule(8.0, ((), BOTH, BOTH, BOTH))


def of_host(world, kind, *pair):
    return [each.time_s for each in world.of(kind) if (each.ptx, each.prx) == pair]


def test_who_lies_beside_a_board_at_work_for_another_host_is_free(make_world, run):
    world = make_world({1: 90.0, 2: 10.0, 3: 10.0, 4: 90.0}, capacity_J=90.0)
    world.lay((1, 2), (3, 4))

    async def story():
        async with asyncio.TaskGroup() as hosts:
            hosts.create_task(world.host(ContactSchedule(60.0, (((1, 2),),)), 20.0))
            hosts.create_task(world.host(LATE, 20.0, "late", first_transfer_id=1000))

    run(world, story())
    (other_ends_s,) = of_host(world, TransferEnded, 1, 2)
    assert of_host(world, TransferStarted, 4, 3)[0] < other_ends_s - 5.0
    world.check_books("ledger.sqlite", "late")


def test_who_lies_beside_a_board_that_is_gone_is_free(make_world, run):
    world = make_world({1: 90.0, 3: 10.0, 4: 90.0}, capacity_J=60.0)
    world.lay((3, 4))

    async def story():
        async with asyncio.TaskGroup() as hosts:
            hosts.create_task(world.host(LATE, 30.0))
            await asyncio.sleep(7.0)
            world.kill(1)

    run(world, story())
    assert len(of_host(world, TransferStarted, 4, 3)) == 3
    assert not of_host(world, TransferStarted, 1, 3)
    assert 0 < len(world.of(Trouble)) < 8, "each is a try to connect, later each time"
    assert len(world.of(BoardLost)) == 1
