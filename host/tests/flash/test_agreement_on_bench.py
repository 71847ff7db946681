# SPDX-License-Identifier: MIT
"""Two owners agree on a quota a day, by their commands and cables; their boards keep to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.bench.physics.coil import CoilLink
from crowdcharge.bench.physics.plant import Placement

from .conftest import KEYS, done, until

pytestmark = [pytest.mark.bench, pytest.mark.vm, pytest.mark.slow]
QUOTA_Wh = 0.001
QUOTA_J = 3.6
SLACK_J = 0.2  # a sample more, and two meters
SPEED = 2.0
BACK_s = 14.0  # a taker that was refused comes again after 10 s


def config() -> BenchConfig:
    boards = tuple(
        BoardConfig(number, soc_pct, key=KEYS[number].hex())
        for number, soc_pct in ((1, 90.0), (2, 30.0))
    )
    contacts = ContactsConfig(((Placement((1, 2)),),))
    return BenchConfig(boards, link=CoilLink(power_W=0.5), contacts=contacts, speed=SPEED)


@asynccontextmanager
async def agreed(folder: Path) -> AsyncIterator[tuple[Bench, Path, str]]:
    """Yield a bench whose board 1 gives to board 2 of another crowd, 1's file, and that crowd."""
    givers, takers, sheet = (folder / name for name in ("givers", "takers", "sheet"))
    for file in (givers, takers):
        await done("crowd", "create", file)
    number = (await done("crowd", "list", takers)).split()[1].rstrip(",")
    asked = ("--with", number, "--boards", "2", "--sheet", sheet)
    async with launch(config()) as bench:
        ports = bench.serial_ports
        await done("crowd", "join", givers, "--port", ports[1])
        await done("crowd", "agree", givers, *asked, "--quota-wh", QUOTA_Wh)
        await done("crowd", "join", givers, "--port", ports[1])
        await done("owner", "consent", "--port", ports[1], "--gives-to", "agreed")
        await done("crowd", "join", takers, "--port", ports[2])
        await done("crowd", "agree", takers, "--take", sheet)
        await done("crowd", "join", takers, "--port", ports[2])
        yield bench, givers, number


async def sent_J(bench: Bench) -> float:
    return float((await bench.control.board(1))["sent_J"])


@pytest.mark.timeout(300)
async def test_a_quota_holds_over_a_reboot(tmp_path: Path) -> None:
    async with agreed(tmp_path) as (bench, _, _):
        await until(bench, 1, lambda board: board["tx_on"])
        await until(bench, 1, lambda board: not board["tx_on"])
        assert await sent_J(bench) == pytest.approx(QUOTA_J, abs=SLACK_J)
        await bench.control.fault("reset", 1)
        await asyncio.sleep(BACK_s / SPEED)
        assert await sent_J(bench) <= QUOTA_J + SLACK_J


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_quota_is_raised_and_ends_with_the_agreement(tmp_path: Path) -> None:
    async with agreed(tmp_path) as (bench, givers, number):
        port = bench.serial_ports[1]
        await until(bench, 1, lambda board: board["sent_J"] > QUOTA_J - SLACK_J)
        await done("crowd", "agree", givers, "--with", number, "--quota-wh", 2 * QUOTA_Wh)
        await done("crowd", "join", givers, "--port", port)
        await until(bench, 1, lambda board: board["sent_J"] > QUOTA_J + 1)
        await done("crowd", "agree", givers, "--end", number)
        await done("crowd", "join", givers, "--port", port)
        ended_J = await sent_J(bench)
        await asyncio.sleep(BACK_s / SPEED)
        assert await sent_J(bench) == ended_J <= 2 * QUOTA_J + SLACK_J
