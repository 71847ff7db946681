# SPDX-License-Identifier: MIT
"""Services of sites as their users start them, with proxies that hear no board: what they say."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from crowdcharge.bench.config import ProxyConfig
from crowdcharge.bench.proxies.proxy import VirtualProxy
from crowdcharge.bench.radio.air import Air

from ..books.cluster import OWNER, Cluster
from ..service_outlets.broker import Broker
from .service import Place, SiteService

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(300),
    pytest.mark.program("initdb", "postgresql"),
    pytest.mark.program("mosquitto", "mosquitto"),
]
KEYS = {1: bytes(32), 2: bytes(32)}
Make = Callable[..., SiteService]


@pytest.fixture
async def make(tmp_path: Path, cluster: Cluster, database: str) -> AsyncIterator[Make]:
    """Make services of one database and one broker, each with a proxy of its own."""
    broker, air = Broker(tmp_path), Air(1)
    broker.start()
    made: list[SiteService] = []
    proxies = [VirtualProxy(ProxyConfig(port=0), number, air) for number in (1, 2, 3)]
    for proxy in proxies:
        await proxy.start()

    def build(name: str, number: int) -> SiteService:
        proxy = proxies[len(made)]
        mqtt, contacts = f"mqtt://127.0.0.1:{broker.port}", "slots = [[[1, 2]]]"
        place = Place(proxy.host, proxy.port, cluster.text(database), mqtt, contacts)
        site = SiteService(tmp_path / str(len(made)), name, number, place, KEYS)
        made.append(site)
        return site

    yield build
    for site in made:
        if site.process is not None and site.process.returncode is None:
            await site.kill()
    for proxy in proxies:
        await proxy.turn(on=False)
    await air.close()
    broker.stop()


async def said(site: SiteService, text: str) -> None:
    async with asyncio.timeout(60):
        while text not in site.said:  # noqa: ASYNC110 - a process tells nobody
            await asyncio.sleep(0.2)


async def test_two_sites_of_one_name_or_number_are_one_line(make: Make) -> None:
    first = make("north", 1)
    await first.start()
    await said(first, "http://")
    for name, number, why in (
        ("north", 1, "another service writes to this site"),
        ("south", 1, "site north has the number 1 too"),
    ):
        other = make(name, number)
        await other.start()
        assert other.process is not None
        assert await other.process.wait() == 2
        (line,) = [each for each in other.said.splitlines() if each.startswith("crowdcharge:")]
        assert why in line
    assert await first.end() == 0


async def test_a_site_that_is_killed_goes_on_without_its_database(
    make: Make, cluster: Cluster, database: str
) -> None:
    def written() -> list[list[object]]:
        return cluster.sql("SELECT kind FROM crowdcharge.journal ORDER BY seq", database, OWNER)

    site = make("north", 1)
    await site.start()
    async with asyncio.timeout(60):
        while len(written()) < 2:  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.2)
    await site.kill()
    await asyncio.to_thread(cluster.stop, "immediate")
    await site.start()
    await said(site, "the run goes on, and rows wait")
    await asyncio.to_thread(cluster.start)
    await said(site, "is written to again")
    assert await site.end() == 0
    assert written() == [["run"], ["site"], ["run"]]
