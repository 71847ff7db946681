# SPDX-License-Identifier: MIT
"""Boards with real firmware wander in a town whose sites, database and broker fail."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from .network import needs_root
from .town import SITES, Town, town

pytestmark = [
    pytest.mark.long,
    pytest.mark.bench,
    pytest.mark.timeout(900),
    pytest.mark.program("initdb", "postgresql"),
    pytest.mark.program("mosquitto", "mosquitto"),
]
BOARDS, STEPS, SCHEDULES = 6, 16, 100
BAD_FILE = 2  # the exit code after which systemd starts a service no more


async def wander(there: Town, chance: random.Random) -> None:
    """Carry a pair to where one site hears it, or two; now and then one board of it alone."""
    boards = [chance.choice([each for each in there.keys if each % 2 == side]) for side in (0, 1)]
    sites = chance.sample(SITES, chance.choice((1, 1, 2)))
    for board_id in boards:
        await there.walk(board_id, *sites)
    await there.lay({*there.pairs, (boards[0], boards[1])})
    if chance.random() < 0.3:
        await asyncio.sleep(chance.uniform(1, 5))
        await there.walk(boards[0], chance.choice(SITES))


async def schedule(there: Town, chance: random.Random) -> None:
    for _ in range(STEPS):
        if chance.random() < 0.5:
            await there.turn(chance.choice(sorted(there.failures)))
        else:
            await wander(there, chance)
        await asyncio.sleep(chance.choice((1.0, 3.0, 6.0)))


async def live_through(there: Town, seed: int) -> None:
    await there.started()
    await there.settle_in()
    await schedule(there, random.Random(seed))
    assert await there.come_to_rest() == []
    booked = there.moved()
    assert booked["transfers"] and booked["sent_mJ"], booked
    assert not [each for each in there.ended if f", {BAD_FILE}:" in each]
    assert await there.told() == {f"site-{site}" for site in SITES}


@pytest.mark.parametrize("seed", range(SCHEDULES))
async def test_a_town_loses_and_doubles_nothing(
    tmp_path: Path, program_path: Callable[[str], str], seed: int
) -> None:
    needs_root()
    async with town(tmp_path, program_path, BOARDS) as there:
        await live_through(there, seed)


async def jump(there: Town, site: int, chance: random.Random) -> None:
    while True:
        there.set_clock(site, chance.uniform(-7200, 7200))
        await asyncio.sleep(1.0)


@pytest.mark.parametrize("seed", range(3))
async def test_wrong_clocks_change_nothing(
    tmp_path: Path, program_path: Callable[[str], str], seed: int
) -> None:
    """One site is an hour ahead, one an hour behind, and the third one's clock jumps."""
    needs_root()
    async with town(tmp_path, program_path, BOARDS) as there:
        ahead, behind, jumps = SITES
        there.set_clock(ahead, 3600.0)
        there.set_clock(behind, -3600.0)
        jumping = asyncio.create_task(jump(there, jumps, random.Random(seed)))
        try:
            await live_through(there, seed)
        finally:
            jumping.cancel()
