# SPDX-License-Identifier: MIT
"""What the page costs: bytes of the first load, and the main thread while much happens."""

import time
from collections.abc import Callable
from itertools import cycle

import pytest

from .conftest import Open
from .recorded import Engine, Run

pytestmark = pytest.mark.program("chromium", "chromium")
Start = Callable[..., Engine]
FIRST_LOAD_MAX_bytes = 80_000
SHARE_MAX = 1 / 3
RATE_Hz = 10
WATCHED_s = 10


def test_the_first_load_is_small(engine_of: Start, open_page: Open) -> None:
    engine = engine_of(Run("four"))
    page = open_page(engine)
    page.wait_for_selector("body[data-stage=live]", timeout=15_000)
    loaded = page.evaluate(
        """["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
          .map((each) => [new URL(each.name).pathname, each.transferSize])"""
    )
    sizes = [(path, size) for path, size in loaded if not path.startswith("/api/")]
    total_bytes = sum(size for _, size in sizes)
    print(f"first load: {total_bytes} bytes in {len(sizes)} requests")  # noqa: T201
    assert {path for path, _ in sizes} >= {"/", "/static/app.js", "/static/uPlot.iife.min.js"}
    assert 0 < total_bytes < FIRST_LOAD_MAX_bytes, sizes


@pytest.mark.slow
def test_thirty_boards_leave_the_main_thread_free(engine_of: Start, open_page: Open) -> None:
    """CPU time of the page's own thread, which other programs on the machine do not lengthen."""
    run = Run("thirty", at_s=40.0)
    engine = engine_of(run)
    page = open_page(engine, viewport={"width": 1280, "height": 900})
    page.wait_for_selector("body[data-stage=live]", timeout=15_000)
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy_s() -> float:
        metrics = devtools.send("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in metrics if each["name"] == "TaskDuration")

    before_s, begin_s = busy_s(), time.monotonic()
    records = cycle(run.future)
    while (passed_s := time.monotonic() - begin_s) < WATCHED_s:
        engine.emit(next(records) | {"time_s": time.time()})
        page.wait_for_timeout(1000 / RATE_Hz)
    share = (busy_s() - before_s) / passed_s
    print(f"main thread: {share:.1%}")  # noqa: T201
    assert share < SHARE_MAX
