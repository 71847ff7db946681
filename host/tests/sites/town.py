# SPDX-License-Identifier: MIT
"""Three sites as their users have them: services, boards with real firmware, a network that fails.

Each site is `crowdcharge serve` on a host of its own with a virtual proxy as its radio; the
broker is a real mosquitto and the books a real PostgreSQL, each on a host too. The proxies stand
in a triangle, so that a board is heard by one site, by two, or in the middle by all.
"""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from crowdcharge.bench.config import BenchConfig, BoardConfig, ProxyConfig
from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.files import replaced
from crowdcharge.ledger.postgres_rows import create

from ..books.cluster import OWNER, SERVICE, Cluster
from ..service_outlets.broker import Broker
from .judge import unfinished_in, wrong_in
from .network import Network
from .service import Place, SiteService

SITES = (1, 2, 3)
DATABASE, BROKER = "database", "broker"
RANGE_m = 12.0
CORNERS_m = {1: (0.0, 0.0), 2: (20.0, 0.0), 3: (10.0, 17.0)}
SOCS_pct, CAPACITY_J = (90.0, 25.0), 200.0
RESTART_s = 1.0  # of a service that ended by itself; systemd waits longer
START_s = 120.0
VISITS, VISIT_s = 12, 20
_CLOCK = str(Path(__file__).with_name("wrong_clock"))


def host_of(site: int) -> str:
    return f"site-{site}"


class Town:
    """What fails is on `network`; boards stand still where they are put, and lie as they are laid.

    `broken`: what fails at this moment, so that it is mended once.
    """

    def __init__(
        self, network: Network, cluster: Cluster, database: str, broker: Broker, bench: Bench
    ) -> None:
        self.network, self.cluster, self.database = network, cluster, database
        self.broker, self.bench = broker, bench
        self.sites: dict[int, SiteService] = {}
        self.keys = {each.id: bytes.fromhex(each.key) for each in bench.config.boards}
        self.down: set[int] = set()  # sites that have no power
        self.ended: list[str] = []  # what services said that ended by themselves
        self.pairs: set[tuple[int, int]] = set()
        self.broken: set[str] = set()
        self._clocks: dict[int, Path] = {}

    def set_clock(self, site: int, wrong_by_s: float) -> None:
        """Let a site's wall clock be wrong by so much from now on."""
        with replaced(self._clocks[site]) as beside:
            beside.write_text(str(wrong_by_s), encoding="utf-8")

    def build(self, folder: Path) -> None:
        books = self.cluster.text(self.database)
        mqtt = f"mqtt://{self.network.address(BROKER)}:{self.broker.port}"
        contacts = f'source = "bench"\ncontrol = "{self.bench.control_path}"\nslot_s = 4.0'
        for site, proxy in zip(SITES, self.bench.proxies, strict=True):
            clock = folder / f"clock-{site}"
            self._clocks[site] = clock
            self.set_clock(site, 0.0)
            path = os.pathsep.join([_CLOCK, *filter(None, [os.environ.get("PYTHONPATH")])])
            wrong = ("env", f"PYTHONPATH={path}", f"WRONG_CLOCK={clock}")
            enter = (*self.network.enter(host_of(site)), *wrong)
            place = Place(proxy["host"], proxy["port"], books, mqtt, contacts, enter)
            self.sites[site] = SiteService(
                folder / host_of(site), host_of(site), site, place, self.keys
            )

    # -- services --

    async def keep(self, site: int) -> None:
        """Do for ever what systemd does for a service, whatever it ended with."""
        service = self.sites[site]
        while True:
            await asyncio.sleep(RESTART_s)
            process = service.process
            if site in self.down or (process is not None and process.returncode is None):
                continue
            if process is not None and process.returncode != -signal.SIGKILL:
                self.ended.append(f"{service.name}, {process.returncode}: {service.said[-300:]}")
            await service.start()

    def kill(self, site: int) -> None:
        """Do what a power cut does to a site's host."""
        self.down.add(site)
        process = self.sites[site].process
        if process is not None and process.returncode is None:
            process.kill()

    def power(self, site: int) -> None:
        self.down.discard(site)

    async def started(self) -> None:
        """Wait until every site has written its first rows into the database."""
        query = "SELECT count(DISTINCT site) FROM crowdcharge.journal"
        async with asyncio.timeout(START_s):
            while await self._asked(query) != [[len(SITES)]]:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.5)

    async def _asked(self, query: str) -> list[list[object]]:
        return await asyncio.to_thread(self.cluster.sql, query, self.database, OWNER)

    # -- what fails --

    @property
    def failures(self) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
        """By name, what breaks a thing and what mends it."""
        cuts = {
            f"cut {host}": (
                partial(self.network.cut, host),
                partial(self.network.cut, host, on=False),
            )
            for host in (*map(host_of, SITES), DATABASE, BROKER)
        }
        kills = {
            f"kill {host_of(site)}": (partial(self.kill, site), partial(self.power, site))
            for site in SITES
        }
        return (
            cuts
            | kills
            | {
                "kill database": (partial(self.cluster.stop, "immediate"), self.cluster.start),
                "kill broker": (self.broker.stop, self.broker.start),
            }
        )

    async def turn(self, what: str) -> None:
        """Break a thing, or mend it if it is broken."""
        is_broken = what in self.broken
        self.broken ^= {what}
        await asyncio.to_thread(self.failures[what][is_broken])

    # -- boards --

    async def walk(self, board_id: int, *sites: int) -> None:
        """Carry a board to where these sites hear it, from whom it lay on."""
        await self.lay(pair for pair in self.pairs if board_id not in pair)
        corners = [CORNERS_m[site] for site in sites]
        x_m, y_m = (sum(each) / len(sites) for each in zip(*corners, strict=True))
        await self.bench.control.fault("walk", board_id, x_m=x_m, y_m=y_m)

    async def lay(self, pairs: Iterable[tuple[int, int]]) -> None:
        self.pairs = set(pairs)
        await self.bench.control.call("hold", pairs=[list(pair) for pair in self.pairs])

    # -- the end --

    def wrong(self) -> list[str]:
        return [
            *wrong_in(self.cluster, self.database),
            *unfinished_in(self.cluster, self.database),
        ]

    def moved(self) -> dict[str, object]:
        """Return how many transfers are settled in all chains, and what was sent in them."""
        query = """SELECT count(DISTINCT transfer_id), -coalesce(sum("amount_mJ"), 0)
            FROM crowdcharge.entries WHERE "amount_mJ" < 0"""
        ((transfers, sent_mJ),) = self.cluster.sql(query, self.database, OWNER)
        return {"transfers": transfers, "sent_mJ": sent_mJ}

    async def settle_in(self) -> None:
        """Lay the boards in pairs, each pair at a site, and wait until one has transferred."""
        pairs = list(zip(list(self.keys)[::2], list(self.keys)[1::2], strict=True))
        for place, pair in enumerate(pairs):
            for board_id in pair:
                await self.walk(board_id, SITES[place % len(SITES)])
        await self.lay(pairs)
        async with asyncio.timeout(START_s):
            while not (await asyncio.to_thread(self.moved))["transfers"]:  # noqa: ASYNC110
                await asyncio.sleep(0.5)

    async def come_to_rest(self) -> list[str]:
        """Mend all and carry the boards, which lie alone, round the sites.

        Return what is still wrong after some rounds.
        """
        for what in sorted(self.broken):
            await self.turn(what)
        await self.lay(())
        wrong = ["nobody has looked"]
        for visit in range(VISITS):
            for board_id in self.keys:
                await self.walk(board_id, SITES[(board_id + visit) % len(SITES)])
            for _ in range(VISIT_s):
                await asyncio.sleep(1.0)
                wrong = await asyncio.to_thread(self.wrong)
                if not wrong and visit + 1 >= len(SITES):
                    return []
        return wrong

    async def told(self) -> set[str]:
        """Return the sites of which the broker says that they are there."""
        async with self.broker.heard() as heard:
            await asyncio.sleep(1.0)
        states = {topic: text for topic, text, _ in heard if topic.endswith("/status")}
        return {topic.split("/")[1] for topic, text in states.items() if _is_online(text)}


def _is_online(text: str) -> bool:
    try:
        said = json.loads(text)
    except ValueError:
        said = text
    return "online" in str(said)


def bench_config(boards: int, host: str) -> BenchConfig:
    proxies = tuple(
        ProxyConfig(place_m=list(CORNERS_m[site]), range_m=RANGE_m, slots=9, host=host, port=0)
        for site in SITES
    )
    made = tuple(
        BoardConfig(
            number,
            SOCS_pct[number % 2],
            CAPACITY_J,
            key=bytes([number] * 32).hex(),
            place_m=[10.0, 6.0],
        )
        for number in range(1, boards + 1)
    )
    return BenchConfig(made, proxies=proxies)


@asynccontextmanager
async def town(
    folder: Path, program_path: Callable[[str], str], boards: int
) -> AsyncIterator[Town]:
    """Everything is up while the block runs."""
    with ExitStack() as stack:
        network = Network([*map(host_of, SITES), DATABASE, BROKER])
        stack.callback(network.remove)
        cluster = Cluster(program_path, network.address(DATABASE), network.enter(DATABASE))
        stack.callback(cluster.remove)
        database = cluster.database()
        create(cluster.url(database, user=OWNER), SERVICE)
        broker = Broker(folder, host=network.address(BROKER), enter=network.enter(BROKER))
        broker.start()
        stack.callback(broker.stop)
        async with launch(bench_config(boards, network.here), folder / "bench") as bench:
            made = Town(network, cluster, database, broker, bench)
            made.build(folder)
            keeping = [asyncio.create_task(made.keep(site)) for site in SITES]
            try:
                yield made
            finally:
                for task in keeping:
                    task.cancel()
                await asyncio.gather(*keeping, return_exceptions=True)
                for site in made.sites.values():
                    if site.process is not None and site.process.returncode is None:
                        await site.kill()
