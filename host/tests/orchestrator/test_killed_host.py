# SPDX-License-Identifier: MIT
"""The host is killed before or after any touch of the outside (radio, disk); then it starts again.

A killed host runs no cleanup: from that instant every radio call and every write is cut off.
CI takes every seventh instant, `pytest -m long` all of them.
"""

import asyncio

import pytest

from crowdcharge.orchestrator.contacts import ContactSchedule
from crowdcharge.orchestrator.transfer import TransferTerms

LEASE_s = 1.5
SAMPLE_s = 0.1
STORY = ContactSchedule(8.0, (((1, 2), (3, 4)), ((2, 3),)))
SOCS_pct = {1: 90.0, 2: 12.0, 3: 26.0, 4: 5.0}
STRIDE = 7


def make_story(make_world, kill_at=None):
    world = make_world(SOCS_pct)
    world.kill_at = kill_at
    world.lay((1, 2), (3, 4))
    return world


def whole_edges(make_world, run):
    world = make_story(make_world)
    run(world, world.host(STORY, until_s=9.0, terms=TransferTerms(lease_ms=1500)))
    return world.edges


async def live_twice(world):
    terms = TransferTerms(lease_ms=1500)
    await world.host(STORY, until_s=9.0, terms=terms)
    assert world.dead
    await asyncio.sleep(LEASE_s + 2 * SAMPLE_s)
    assert not any(board.core.coil_on for board in world.boards.values())
    world.kill_at = None
    await world.host(STORY, until_s=14.0, terms=terms)


def kill_and_restart(make_world, run, kill_at):
    world = make_story(make_world, kill_at)
    run(world, live_twice(world))
    world.check_books()
    with world.store() as store:
        assert store.book.unsettled() == []
        assert not any(store.book.faults.values())
        receipts = list(store.book._raw)
        assert len(receipts) == len(set(receipts))


def test_killed_at_every_seventh_touch(make_world, run):
    for kill_at in range(1, whole_edges(make_world, run) + 1, STRIDE):
        kill_and_restart(make_world, run, kill_at)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_killed_at_every_touch(make_world, run):
    for kill_at in range(1, whole_edges(make_world, run) + 1):
        kill_and_restart(make_world, run, kill_at)
