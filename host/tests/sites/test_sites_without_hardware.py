# SPDX-License-Identifier: MIT
"""Boards walk between sites that are killed and cut off: what they metered is booked once."""

import asyncio
import random
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from crowdcharge.boards.models import Beacon
from crowdcharge.ledger.numbers import site_of
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import verify

from ..orchestrator.world import run_world
from .world import LEASE_ms, SitesWorld

SOCS_pct = {1: 90.0, 2: 10.0, 3: 80.0, 4: 15.0}
PAIRS = [((1, 2), (3, 4)), ((1, 4), (2, 3)), ((1, 3), (2, 4))]
Make = Callable[[int], SitesWorld]


@pytest.fixture
def make() -> Iterator[Make]:
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield lambda sites: SitesWorld(Path(folder), SOCS_pct, sites)


def live(world: SitesWorld, story: Coroutine[Any, Any, None]) -> None:
    run_world(world, story)  # type: ignore[arg-type] - it asks only that the boards live


def asked(world: SitesWorld, query: str) -> list[tuple[Any, ...]]:
    """Ask all ledgers at once, in SQL, without our code."""
    with sqlite3.connect(":memory:") as database:
        for number, site in enumerate(world.sites):
            database.execute(f"ATTACH 'file:{site.ledger}?mode=ro' AS s{number}")
        parts = [f"SELECT {n} AS site, * FROM s{n}.{{}}" for n in range(len(world.sites))]
        for view in ("entries", "transfers", "receipts"):
            rows = " UNION ALL ".join(parts).replace("{}", view)
            database.execute(f"CREATE TEMP VIEW {view} AS {rows}")
        return database.execute(query).fetchall()


def check(world: SitesWorld) -> None:
    """Nothing lost, nothing twice: each board's odometers are what all ledgers book for it."""
    for site in world.sites:
        with Store.read(site.ledger) as store:
            assert [each for each in verify(store.rows(), world.keys) if each.wrong] == []
            assert {site_of(each) for each in store.load().transfers} <= {site.number}
    twice = "SELECT transfer_id FROM transfers GROUP BY transfer_id HAVING count(*) > 1"
    assert asked(world, twice) == []
    booked = Counter()
    for account, sign, amount_mJ in asked(
        world, "SELECT account, sign(amount_mJ), sum(amount_mJ) FROM entries GROUP BY 1, 2"
    ):
        booked[account, sign] = amount_mJ
    for board in world.boards.values():
        beacon, account = Beacon.unpack(board.beacon()), f"board:{board.board_id}"
        told = (-booked[account, -1], booked[account, 1])
        assert told == (beacon.sent_mJ, beacon.received_mJ)


async def all_home(world: SitesWorld) -> None:
    """Let every board rest at one site, until what was found there has come to its owner."""
    world.lay()
    world.database_is_up = True
    for board_id in world.boards:
        world.walk(board_id, 1 + board_id % len(world.sites))
    for site in world.sites:
        if site.dead:
            site.start()
    await asyncio.sleep(20.0)
    for site in world.sites:
        await site.end()


def test_a_board_walks_off_in_the_middle_of_a_transfer(make: Make) -> None:
    world = make(2)

    async def story() -> None:
        for site in world.sites:
            site.start()
        world.lay((1, 2))
        await asyncio.sleep(3.0)
        assert world.boards[1].core.coil_on
        world.walk(1, 2)
        await asyncio.sleep(LEASE_ms / 1000 + 0.3)
        assert not world.boards[1].core.coil_on
        world.lay()
        await asyncio.sleep(5.0)
        assert not world.boards[1].core.faults  # the new site has cleared the lost lease
        for site in world.sites:
            await site.end()

    live(world, story())
    check(world)
    with Store.read(world.sites[0].ledger) as store:
        passed = [row.fields() for row in store.rows() if row.kind == "passed"]
        states = {each.state for each in store.load().transfers.values()}
    assert [(each["board_id"], each["finder"]) for each in passed] == [(1, "site-2")]
    assert states == {"settled"}


def test_where_rooms_overlap_one_site_gets_the_board(make: Make) -> None:
    """Both want it all the time; each board's coil is only ever of one of them."""
    world = make(2)

    async def story() -> None:
        for board_id in world.boards:
            world.walk(board_id, 1, 2)
        for site in world.sites:
            site.start()
        for pairs in PAIRS:
            world.lay(*pairs)
            await asyncio.sleep(9.0)
        await all_home(world)

    live(world, story())
    check(world)
    opened = asked(world, "SELECT DISTINCT site FROM transfers WHERE transfer_id IN"
                   " (SELECT transfer_id FROM entries)")  # fmt: skip
    assert len(opened) == 2


async def schedule(world: SitesWorld, chance: random.Random, steps: int) -> None:
    for site in world.sites:
        site.start()
    for _ in range(steps):
        step = chance.randrange(7)
        site = chance.choice(world.sites)
        if step == 0 and not site.dead:
            site.kill()
        elif step == 0:
            site.start()
        elif step == 1:
            world.database_is_up = not world.database_is_up
        elif step == 2:
            chance.choice(list(world.boards.values())).power_cut()
        elif step == 3:
            world.lay(*chance.choice(PAIRS))
        else:
            here = chance.sample([each.number for each in world.sites], chance.choice((1, 1, 2)))
            for board_id in chance.choice(PAIRS)[0][: chance.choice((1, 2))]:
                world.walk(board_id, *here)
        await asyncio.sleep(chance.choice((0.3, 1.1, 2.7, 5.0)))
    await all_home(world)


@pytest.mark.parametrize("seed", range(4))
def test_random_schedules(make: Make, seed: int) -> None:
    world = make(3)
    live(world, schedule(world, random.Random(seed), 25))
    check(world)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_three_hundred_schedules(tmp_path: Path) -> None:
    for seed in range(300):
        folder = tmp_path / str(seed)
        folder.mkdir()
        world = SitesWorld(folder, SOCS_pct, 3)
        live(world, schedule(world, random.Random(seed), 25))
        check(world)
