# SPDX-License-Identifier: MIT
"""A run with real cores and without hardware (orchestrator/world.py), and its operator."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crowdcharge.orchestrator.contacts import ContactSchedule
from crowdcharge.service.actions import Actions
from crowdcharge.service.facts import Facts

from ..orchestrator.world import MortalStore, World, run_world

Story = Callable[[World, Actions], Awaitable[None]]
Operate = Callable[[Story, ContactSchedule], World]
SOCS_pct = {1: 90.0, 2: 10.0, 3: 80.0, 4: 20.0}


@pytest.fixture
def operate() -> Iterator[Operate]:
    """Run four boards while a story operates them; the books must be right after it."""
    with tempfile.TemporaryDirectory() as folder:

        def run(story: Story, contacts: ContactSchedule) -> World:
            world = World(Path(folder), SOCS_pct)
            world.lay(*contacts.slots[0])
            run_world(world, operated(world, story, contacts))
            world.check_books()
            return world

        yield run


async def operated(world: World, story: Story, contacts: ContactSchedule) -> None:
    with MortalStore.open(world, world.ledger) as store:
        orchestrator = world.orchestrator(store, contacts)
        running = asyncio.create_task(orchestrator.run())
        try:
            await until(lambda: orchestrator.ledger_keeper.agents.keys() == SOCS_pct.keys())
            await story(world, Actions(orchestrator, {}))
        finally:
            orchestrator.stop()
            await running


def facts_of(actions: Actions) -> Facts:
    """Facts without a thread, which the world's time does not know."""

    async def here(call: Callable[..., Any], *given: Any) -> Any:
        return call(*given)

    return Facts(actions, float, here)


async def until(holds: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Wait in the world's time until something holds."""
    async with asyncio.timeout(timeout_s):
        while not holds():  # noqa: ASYNC110 - nobody tells when it does
            await asyncio.sleep(0.05)
