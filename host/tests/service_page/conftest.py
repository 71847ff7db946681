# SPDX-License-Identifier: MIT
"""A real Chromium before a real window; only the engine is a recording."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

for needed in ("starlette", "uvicorn", "segno", "httpx", "playwright"):
    pytest.importorskip(needed)

from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402 - only with the extra

from .recorded import ELSEWHERE, Engine, Run  # noqa: E402

Open = Callable[..., Page]
EXPECTED = (
    "Failed to load resource",  # a refusal, which the page shows in its own words
    "Cross-Origin-Opener-Policy header has been ignored",  # plain HTTP by a name
)


@pytest.fixture(scope="module")  # while it lives, no other test of this process can use asyncio
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=[
                "--no-sandbox",
                "--disable-gpu",
                f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture
def engine_of(tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    """Start a window that looks at a recorded run; `facts`: what to change in its run."""
    with ExitStack() as stack:

        def start(run: Run, **facts: Any) -> Engine:
            return stack.enter_context(closing(Engine(tmp_path, run.hello(**facts))))

        yield start


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Open]:
    """Open a window's page; it must not say a word on its console."""
    said: list[str] = []
    with ExitStack() as stack:

        def go(
            engine: Engine,
            token: str | None = None,
            path: str = "/",
            host: str = "127.0.0.1",
            **context: Any,
        ) -> Page:
            browsing = stack.enter_context(closing(chromium.new_context(**context)))
            page = browsing.new_page()
            page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
            page.on("pageerror", lambda error: said.append(str(error)))
            if token:
                page.add_init_script(f"sessionStorage.setItem('crowdcharge-key', '{token}')")
            page.goto(f"http://{host}:{engine.port}{path}")
            return page

        yield go
    assert [line for line in said if not any(known in line for known in EXPECTED)] == []
