# SPDX-License-Identifier: MIT
"""Boards wander between sites of real parts, which are killed and cut off: nothing lost or twice.

The boards run the real firmware, the radios are virtual proxies with the real API on loopback
addresses, the sites are services with a PostgreSQL and a mosquitto. What is booked is judged in
SQL by the database alone.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from crowdcharge.bench.config import BenchConfig, BoardConfig, ProxyConfig
from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.boards.models import Beacon
from crowdcharge.ledger.postgres_rows import create
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import verify
from crowdcharge.radio import open_radio
from crowdcharge.radio.base import Advert

from ..books.cluster import OWNER, SERVICE, Cluster
from ..service_outlets.broker import Broker
from .judge import wrong_in
from .service import Place, SiteService

pytestmark = [
    pytest.mark.bench,
    pytest.mark.long,
    pytest.mark.timeout(600),
    pytest.mark.program("initdb", "postgresql"),
    pytest.mark.program("mosquitto", "mosquitto"),
]
APART_m = 100.0  # from site to site; a proxy hears 30 m
SITES = 3


COUNTED = """
SELECT board_id, role, max("odometer_mJ") FROM crowdcharge.receipts GROUP BY board_id, role
"""


@dataclass
class Town:
    """Everything that a schedule can kill, cut off or carry about."""

    bench: Bench
    sites: list[SiteService]
    cluster: Cluster
    database: str
    broker: Broker
    keys: dict[int, bytes]
    database_is_up: bool = True
    broker_is_up: bool = True

    async def switch_database(self) -> None:
        change = self.cluster.start if not self.database_is_up else self._crash
        await asyncio.to_thread(change)
        self.database_is_up = not self.database_is_up

    def _crash(self) -> None:
        self.cluster.stop("immediate")

    def switch_broker(self) -> None:
        (self.broker.stop if self.broker_is_up else self.broker.start)()
        self.broker_is_up = not self.broker_is_up

    async def walk(self, board_id: int, site: int) -> None:
        await self.bench.control.fault("walk", board_id, x_m=(site - 1) * APART_m)

    async def lay(self, *pairs: tuple[int, int]) -> None:
        await self.bench.control.call("hold", pairs=[list(pair) for pair in pairs])

    async def flowing(self, pairs: int) -> None:
        """Wait until so many transmitters are on."""
        async with asyncio.timeout(150):
            while True:
                boards = (await self.bench.control.status())["boards"]
                if sum(board["tx_on"] for board in boards) >= pairs:
                    return
                await asyncio.sleep(0.2)

    async def uncounted(self) -> list[str]:
        """Return the boards whose adverts count other energy than all chains have receipts of."""
        heard: dict[int, Beacon] = {}

        def on_advert(advert: Advert) -> None:
            with suppress(ValueError):
                beacon = Beacon.unpack(advert.data)
                heard[beacon.board_id] = beacon

        radio = open_radio(self.bench.transport)
        await radio.start_scan(on_advert)
        await asyncio.sleep(3.0)
        await radio.stop_scan()
        await radio.close()
        counted = {
            (board_id, role): odometer_mJ
            for board_id, role, odometer_mJ in await asyncio.to_thread(
                self.cluster.sql, COUNTED, self.database, OWNER
            )
        }
        assert heard.keys() == self.keys.keys()
        return [
            f"board {board_id}: {told} mJ, but {booked}"
            for board_id, beacon in heard.items()
            if (told := (beacon.sent_mJ, beacon.received_mJ))
            != (booked := (counted.get((board_id, 1), 0), counted.get((board_id, 2), 0)))
        ]

    def wrong(self) -> list[str]:
        """Return what is wrong in the books, with the rows that show it."""
        return wrong_in(self.cluster, self.database)

    async def come_to_rest(self, patience_s: float = 120.0) -> None:
        """Part all boards, let everything run, and wait until every transfer is closed."""
        await self.lay()
        if not self.database_is_up:
            await self.switch_database()
        if not self.broker_is_up:
            self.switch_broker()
        for site in self.sites:
            if site.process is None:
                await site.start()
        for board_id in self.keys:
            await self.walk(board_id, 1 + board_id % SITES)
        async with asyncio.timeout(patience_s):
            await asyncio.sleep(10.0)
            while await self.uncounted() or await asyncio.to_thread(self.wrong):  # noqa: ASYNC110
                await asyncio.sleep(1.0)


@asynccontextmanager
async def town(folder: Path, cluster: Cluster, boards: int) -> AsyncIterator[Town]:
    keys = {number: bytes([number]) * 32 for number in range(1, boards + 1)}
    broker, database = Broker(folder), cluster.database()
    create(cluster.url(database, user=OWNER), SERVICE)
    broker.start()
    try:
        async with launch(bench_config(keys)) as bench:
            books = cluster.text(database)
            contacts = f'source = "bench"\ncontrol = "{bench.control_path}"\nslot_s = 8.0'
            sites = []
            for number, proxy in enumerate(bench.proxies, start=1):
                place, name = Place(proxy["host"], proxy["port"], contacts), f"site-{number}"
                sites.append(
                    SiteService(folder / name, name, number, place, keys, books, broker.port)
                )
            try:
                yield Town(bench, sites, cluster, database, broker, keys)
            finally:
                for site in sites:
                    if site.process is not None and site.process.returncode is None:
                        await site.kill()
    finally:
        broker.stop()


def bench_config(keys: dict[int, bytes]) -> BenchConfig:
    boards = tuple(
        BoardConfig(
            number,
            85.0 if number % 2 else 25.0,
            key=key.hex(),
            place_m=[((number - 1) // 2 % SITES) * APART_m, 0.0],
        )
        for number, key in keys.items()
    )
    proxies = tuple(
        ProxyConfig(port=0, place_m=[number * APART_m, 0.0], range_m=30.0, slots=9)
        for number in range(SITES)
    )
    return BenchConfig(boards, proxies=proxies)


async def schedule(town: Town, chance: random.Random, steps: int) -> None:
    """Carry pairs about, and kill or cut off what there is, each in its turn."""
    for site in town.sites:
        await site.start()
    ids = list(town.keys)
    await town.lay(*zip(ids[::2], ids[1::2], strict=True))
    await town.flowing(len(ids) // 2)
    for step in range(steps):
        match (step + chance.randrange(2)) % 7:
            case 0:
                site = chance.choice(town.sites)
                await (site.start if site.process is None else site.kill)()
            case 1:
                await town.switch_database()
            case 2:
                town.switch_broker()
            case 3:
                chance.shuffle(ids)
                pairs = list(zip(ids[::2], ids[1::2], strict=True))
                await town.lay(*pairs)
                for pair in pairs:
                    place = chance.randrange(SITES) + 1
                    for board_id in pair:
                        await town.walk(board_id, place)
            case _:  # somebody walks off in the middle of a transfer
                await town.walk(chance.choice(ids), chance.randrange(SITES) + 1)
        await asyncio.sleep(chance.choice((1.0, 4.0, 9.0)))


async def campaign(folder: Path, cluster: Cluster, boards: int, steps: int, seed: int) -> None:
    async with town(folder, cluster, boards) as made:
        await schedule(made, random.Random(seed), steps)
        try:
            await made.come_to_rest()
        except TimeoutError:
            pytest.fail(
                "\n".join(
                    [*await made.uncounted(), *made.wrong(), *(each.said for each in made.sites)]
                )
            )
        for site in made.sites:
            assert await site.end() == 0, site.said
            site.process = None
            url = made.cluster.url(made.database, site.name)
            with Store.read(url) as store:
                rows = list(store.rows())
            assert [each for each in verify(rows, made.keys) if each.wrong] == []
            with Store.read(site.ledger) as store:
                assert list(store.rows()) == rows
        assert made.wrong() == []
        (moved,) = cluster.sql(
            'SELECT sum("energy_mJ") FROM crowdcharge.receipts WHERE role = 1', made.database
        )
        assert moved[0] > 1000


async def test_boards_wander_while_everything_fails_in_turn(
    tmp_path: Path, cluster: Cluster
) -> None:
    await campaign(tmp_path, cluster, boards=6, steps=8, seed=1)


@pytest.mark.parametrize("seed", range(2, 102))
def test_a_hundred_schedules(tmp_path: Path, cluster: Cluster, seed: int) -> None:
    asyncio.run(campaign(tmp_path, cluster, boards=30, steps=20, seed=seed))
