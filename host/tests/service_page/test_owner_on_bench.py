# SPDX-License-Identifier: MIT
"""An owner signs in a real Chromium; a real service brings it to a real-VM board, which obeys."""

import asyncio
import os
from pathlib import Path

import pytest

from crowdcharge.bench.config import BenchConfig, BoardConfig
from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.boards import keys as key_file
from crowdcharge.boards import mandates
from crowdcharge.boards.link import BoardLink
from crowdcharge.boards.listening import addresses_of
from crowdcharge.boards.models import BoardConsent
from crowdcharge.clock import BoardClock
from crowdcharge.flash import bringing
from crowdcharge.flash.serial_line import SerialLine
from crowdcharge.radio.bleak_radio import BleakRadio
from wptcore import consent

from ..service.process import Served, serving
from .test_on_bench import KEYS, RUN

api = pytest.importorskip("playwright.async_api")
pytestmark = [
    pytest.mark.program("chromium", "chromium"),
    pytest.mark.bench,
    pytest.mark.slow,
    pytest.mark.timeout(200),
]
OWNER = bytes(range(1, 33))


def adopt(port: str) -> None:
    with SerialLine(port) as line:
        bringing.adopt(line, mandates.board_key(OWNER, 1))


async def sign(served: Served, out: Path) -> None:
    """Open the page as from an owner's QR code, and sign once: it waits for a board at work."""
    view = (out / "token-view").read_text().strip()
    async with api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page()
        await page.goto(f"{served.url}owner#view={view}&owner={OWNER.hex()}&board=1")
        await page.get_by_label("boards that its host picks").uncheck()
        await page.locator("[value=crowd]").check()
        await page.locator("#wants").fill("80")
        await page.get_by_role("button", name="Sign and send").click()
        said = page.get_by_role("status")
        await api.expect(said).to_have_text("Board 1 obeys it.", timeout=60_000)
        await browser.close()


async def told_by_board(bench: Bench) -> BoardConsent:
    radio = BleakRadio(*backends(bench.transport))
    try:
        (address,) = (await addresses_of(radio, {1}, 20.0)).values()
        link = await BoardLink.open(radio, address, 1, KEYS[1], os.urandom, BoardClock(1.0))
        try:
            return await link.ask_consent()
        finally:
            await link.close()
    finally:
        await radio.close()


async def test_a_board_obeys_what_its_owner_signs_on_the_services_page(tmp_path: Path) -> None:
    boards = tuple(BoardConfig(n, 60.0, key=KEYS[n].hex()) for n in KEYS)
    async with launch(BenchConfig(boards)) as bench:
        await asyncio.to_thread(adopt, bench.serial_ports[1])
        key_file.save(tmp_path / "keys.toml", KEYS)
        run, out = tmp_path / "run.toml", tmp_path / "out"
        text = RUN.format(transport=bench.transport, control=bench.control_path)
        run.write_text(text, encoding="utf-8")
        with serving("serve", str(run), out=out) as served:
            await asyncio.to_thread(
                served.until, lambda shown: len(shown["boards"]) == len(KEYS), 60.0
            )
            await sign(served, out)
        found = await told_by_board(bench)
        assert (found.gives_to, found.gives_mJ) == (consent.CROWD, 0)
        assert found.wants_mJ == pytest.approx(20_000, abs=1000)  # from 60 to 80 % of 100 J
