# SPDX-License-Identifier: MIT
"""Boards walk between sites that are killed and cut off: what they metered is booked once."""

import asyncio
import random
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from crowdcharge.bench.sessions.core_radio import CoreLink
from crowdcharge.boards.models import Beacon
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import verify

from ..books.cluster import OWNER, Cluster
from ..orchestrator.world import run_world
from .judge import wrong_in
from .world import LEASE_ms, SitesWorld, SLOT_s

pytestmark = pytest.mark.program("initdb", "postgresql")

SOCS_pct = {1: 90.0, 2: 10.0, 3: 80.0, 4: 15.0}
PAIRS = [((1, 2), (3, 4)), ((1, 4), (2, 3)), ((1, 3), (2, 4))]
BALANCE = """SELECT coalesce(sum("amount_mJ"), 0) FROM crowdcharge.entries WHERE account = '{}'"""
Make = Callable[[int], SitesWorld]


@pytest.fixture
def make(cluster: Cluster, new_database: Callable[[], str]) -> Iterator[Make]:
    """In memory where there is such a place: the disk is not under test, and fsync is slow."""
    memory, databases = Path("/dev/shm"), list[str]()
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:

        def build(sites: int) -> SitesWorld:
            place, database = Path(tempfile.mkdtemp(dir=folder)), new_database()
            databases.append(database)
            return SitesWorld(place, SOCS_pct, sites, partial(cluster.url, database))

        yield build
    for name in databases:  # three hundred of them would take 2 GB
        cluster.sql(f"DROP DATABASE {name} WITH (FORCE)")


def live(world: SitesWorld, story: Coroutine[Any, Any, None]) -> None:
    run_world(world, story)  # type: ignore[arg-type] - it asks only that the boards live


def asked(world: SitesWorld, cluster: Cluster, query: str) -> list[list[Any]]:
    return cluster.sql(query, world.books("").database, OWNER)


def check(world: SitesWorld, cluster: Cluster) -> None:
    """Nothing lost, nothing twice: each board's odometers are what all ledgers book for it."""
    for site in world.sites:
        with Store.read(site.ledger) as store:
            assert [each for each in verify(store.rows(), world.keys) if each.wrong] == []
    assert wrong_in(cluster, world.books("").database) == []
    for board in world.boards.values():
        beacon, account = Beacon.unpack(board.beacon()), f"board:{board.board_id}"
        ((balance,),) = asked(world, cluster, BALANCE.format(account))
        assert balance == beacon.received_mJ - beacon.sent_mJ


async def all_home(world: SitesWorld) -> None:
    """Let every board rest at one site, until what was found there has come to its owner."""
    world.lay()
    world.database_is_up = True
    for site in world.sites:
        if site.keys != world.keys:
            site.keys = dict(world.keys)
            if not site.dead:
                await site.end()
    for board_id in world.boards:
        world.walk(board_id, 1 + board_id % len(world.sites))
    for site in world.sites:
        if site.dead:
            site.start()
    await asyncio.sleep(20.0)
    for site in world.sites:
        await site.end()


def test_a_board_walks_off_in_the_middle_of_a_transfer(make: Make, cluster: Cluster) -> None:
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
    check(world, cluster)
    with Store.read(world.sites[0].ledger) as store:
        passed = [row.fields() for row in store.rows() if row.kind == "passed"]
        states = {each.state for each in store.load().transfers.values()}
    assert [(each["board_id"], each["finder"]) for each in passed] == [(1, "site-2")]
    assert states == {"settled"}


def test_a_stranger_is_left_alone_until_its_key_has_come(make: Make, cluster: Cluster) -> None:
    world = make(2)
    home, other = world.sites

    async def story() -> None:
        del other.keys[1]
        for site in world.sites:
            site.start()
        world.lay((1, 2))
        while not world.boards[1].core.coil_on:  # noqa: ASYNC110 - a coil tells nobody
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)
        world.walk(1, 2)
        await asyncio.sleep(LEASE_ms / 1000 + 6.0)
        assert not world.boards[1].core.coil_on
        assert world.boards[1].core.faults and not world.boards[1].links
        await other.end()
        with Store.read(other.ledger) as store:
            assert {row.kind for row in store.rows()} == {"run", "site"}
        other.keys = dict(world.keys)
        other.start()
        await asyncio.sleep(6.0)
        assert not world.boards[1].core.faults
        await other.end()
        await home.end()

    live(world, story())
    check(world, cluster)
    with Store.read(home.ledger) as store:
        assert {each.state for each in store.load().transfers.values()} == {"settled"}


def test_where_rooms_overlap_one_site_gets_the_board(make: Make, cluster: Cluster) -> None:
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
    check(world, cluster)
    opened = asked(world, cluster, "SELECT DISTINCT site FROM crowdcharge.entries")
    assert len(opened) == 2


def test_a_giver_at_work_for_another_site_is_not_asked(
    make: Make, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who lies on it would meter that site's energy until the giver has refused, and it booked."""
    world = make(2)
    write = CoreLink.write

    async def slow(link: CoreLink, uuid: str, data: bytes) -> None:
        await asyncio.sleep(0.2 if link.board is world.boards[1] else 0)
        await write(link, uuid, data)

    monkeypatch.setattr(CoreLink, "write", slow)
    here, there = world.sites

    async def story() -> None:
        for board_id, numbers in {1: (1, 2), 2: (2,), 3: (1,), 4: (2,)}.items():
            world.walk(board_id, *numbers)
        here.start()
        await asyncio.sleep(SLOT_s / 2)
        there.start()
        await asyncio.sleep(SLOT_s - 0.5)
        world.lay((1, 2))
        giver, third = world.boards[1], world.boards[3]
        while not giver.core.coil_on:  # noqa: ASYNC110 - a coil tells nobody
            await asyncio.sleep(0.1)
        giver.peers, third.peers = [*giver.peers, third], [giver]
        world.pairs = {(1, 3)}
        while giver.core.coil_on:
            assert not third.core.receiver_on
            await asyncio.sleep(0.1)
        await asyncio.sleep(2 * SLOT_s)
        await all_home(world)

    live(world, story())
    check(world, cluster)
    with Store.read(here.ledger) as store:
        states = [each.state for each in store.load().transfers.values()]
    assert states and set(states) <= {"settled", "void"}


def test_a_power_cut_takes_back_what_another_site_has_read(make: Make, cluster: Cluster) -> None:
    """The count that site 2 has read in the middle of site 1's transfer was not stored yet."""
    world = make(2)
    board = world.boards[2]

    async def story() -> None:
        for site in world.sites:
            site.start()
        world.lay((1, 2))
        while not Beacon.unpack(board.beacon()).received_mJ:  # noqa: ASYNC110 - a board's count
            await asyncio.sleep(0.1)
        world.walk(2, 1, 2)
        await asyncio.sleep(1.0)
        assert world.boards[1].core.coil_on
        board.power_cut()
        await all_home(world)

    live(world, story())
    read = 'SELECT max("received_mJ") FROM crowdcharge.readings WHERE board_id = 2 AND epoch = 1'
    assert asked(world, cluster, read) > [[0]]
    assert Beacon.unpack(board.beacon()).received_mJ == 0
    check(world, cluster)


async def schedule(
    world: SitesWorld, chance: random.Random, steps: int, strangers: bool = False
) -> None:
    """`strangers`: a site that starts again may lack the key of a board."""
    for site in world.sites:
        site.start()
    for _ in range(steps):
        step = chance.randrange(7)
        site = chance.choice(world.sites)
        if step == 0 and not site.dead:
            site.kill()
        elif step == 0:
            if strangers:
                site.keys = {
                    each: key for each, key in world.keys.items() if chance.random() < 0.7
                }
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


IN_CI, ALL = 2, 300


@pytest.mark.parametrize(
    "seed", [*range(IN_CI), *(pytest.param(n, marks=pytest.mark.long) for n in range(IN_CI, ALL))]
)
def test_random_schedules(make: Make, cluster: Cluster, seed: int) -> None:
    world = make(3)
    live(world, schedule(world, random.Random(seed), 25))
    check(world, cluster)


IN_CI_STRANGERS, ALL_STRANGERS = 1, 100


@pytest.mark.parametrize(
    "seed",
    [
        *range(IN_CI_STRANGERS),
        *(pytest.param(n, marks=pytest.mark.long) for n in range(IN_CI_STRANGERS, ALL_STRANGERS)),
    ],
)
def test_random_schedules_with_strangers(make: Make, cluster: Cluster, seed: int) -> None:
    world = make(3)
    live(world, schedule(world, random.Random(seed), 40, strangers=True))
    check(world, cluster)
