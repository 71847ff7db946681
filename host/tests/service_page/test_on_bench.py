# SPDX-License-Identifier: MIT
"""The page of a real crowd: real firmware, the product's own service, a real Chromium."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.boards import keys as key_file

from ..service.process import Served, serving

pytest.importorskip("starlette")
api = pytest.importorskip("playwright.async_api")
pytestmark = [
    pytest.mark.program("chromium", "chromium"),
    pytest.mark.bench,
    pytest.mark.slow,
    pytest.mark.timeout(400),
]
KEYS = {board_id: bytes([board_id]) * 32 for board_id in (1, 2)}
SEEN_s = 2.0  # from the service's own word to the page
RUN = """
[run]
policy = "oblivious-share"
keys = "keys.toml"
out = "out"
[radio]
transport = "{transport}"
[contacts]
source = "bench"
control = "{control}"
slot_s = 8.0
[serve]
http_port = 0
start = "running"
"""


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    boards = tuple(BoardConfig(n, soc, key=KEYS[n].hex()) for n, soc in ((1, 95.0), (2, 5.0)))
    contacts = ContactsConfig(((Placement((1, 2)),),), 1000.0)
    async with launch(BenchConfig(boards, contacts=contacts, speed=1.0)) as running:
        yield running


async def until_faulty(served: Served, name: str) -> None:
    def stands(shown: dict) -> bool:
        return any(fault["name"] == name for each in shown["boards"] for fault in each["faults"])

    await asyncio.to_thread(served.until, stands, 90.0)


async def test_a_transfer_flows_and_a_coin_on_the_coil_is_told(
    bench: Bench, tmp_path: Path
) -> None:
    key_file.save(tmp_path / "keys.toml", KEYS)
    run = tmp_path / "run.toml"
    text = RUN.format(transport=bench.transport, control=bench.control_path)
    run.write_text(text, encoding="utf-8")
    with serving("serve", str(run), out=tmp_path / "out") as served:
        async with api.async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
            )
            page = await browser.new_page()
            await page.goto(served.url)
            await look(page, bench, served)
            await browser.close()


async def look(page: "api.Page", bench: Bench, served: Served) -> None:
    expect = api.expect
    await expect(page.get_by_test_id("tile")).to_have_count(2, timeout=60_000)
    moving = page.locator("#ring canvas[data-moves=yes]")
    await moving.wait_for(timeout=90_000)
    await expect(page.get_by_test_id("headline")).to_contain_text("1 board ")

    await bench.control.fault("foreign-object", 1, power_W=1.2)
    await until_faulty(served, "FOREIGN_OBJECT")
    known_s = time.monotonic()
    notice = page.get_by_test_id("notice")
    await expect(notice).to_contain_text("something other than the receiver takes power")
    assert time.monotonic() - known_s < SEEN_s
    await expect(notice).to_contain_text("press its button")
    await expect(notice.get_by_role("button")).to_have_count(0)

    status, body = await asyncio.to_thread(
        served.post, "boards/1/acknowledge", fault="FOREIGN_OBJECT"
    )
    assert status == 409, body
    await expect(notice).to_have_count(1)
