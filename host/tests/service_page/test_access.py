# SPDX-License-Identifier: MIT
"""WCAG 2.2 AA by axe-core in every state, both themes, both sizes; and what it cannot judge."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from .conftest import Open
from .recorded import Engine, FLOWING_s, Run, facts, fault, lost

Axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe

pytestmark = [pytest.mark.program("chromium", "chromium"), pytest.mark.slow]
pytest.importorskip("playwright")
Start = Callable[..., Engine]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
SIZES = ((1280, 900), (400, 850))


def faults(engine: Engine, page: Page) -> None:
    raised = ((1, 0x82, "LEASE_LOST"), (4, 0x8F, "FOREIGN_OBJECT"), (3, 0x95, "THERMISTOR_DULL"))
    for record in (*(fault(*each) for each in raised), lost(2)):
        engine.emit(record)
    page.get_by_text("Board 3 warns").first.wait_for()


def kept_out(engine: Engine, page: Page) -> None:
    engine.emit(facts(boards=[{"board_id": 1, "forbidden": True}], run={"state": "paused"}))
    page.get_by_text("kept out").first.wait_for()


def silent(engine: Engine, page: Page) -> None:
    engine.process.kill()
    engine.process.wait()
    page.wait_for_selector("body[data-link=lost]", timeout=15_000)


def tables(_engine: Engine, page: Page) -> None:
    for button in page.locator(".flip[aria-controls]").all():
        button.click()


def board(_engine: Engine, page: Page) -> None:
    page.locator("[data-testid=tile][data-board='2']").click()


def pad(_engine: Engine, page: Page) -> None:
    page.locator("[data-testid=tile][data-board='1']").click()


def key(_engine: Engine, page: Page) -> None:
    page.locator("#key").click()


def nothing(_engine: Engine, _page: Page) -> None:
    pass


STATES = {
    "flowing": ("four", FLOWING_s["four"], nothing),
    "floor": ("four", 17.8, nothing),
    "faults": ("four", FLOWING_s["four"], faults),
    "kept out": ("four", 17.8, kept_out),
    "silent": ("four", FLOWING_s["four"], silent),
    "tables": ("four", FLOWING_s["four"], tables),
    "board": ("four", FLOWING_s["four"], board),
    "key": ("four", FLOWING_s["four"], key),
    "many": ("thirty", FLOWING_s["thirty"], nothing),
    "pad": ("pad", FLOWING_s["pad"], pad),
    "empty": ("four", 0.0, nothing),
}
CI = {"flowing", "faults", "key"}  # the others with -m long: each takes four looks of axe


@pytest.mark.parametrize(
    "state",
    [pytest.param(name, marks=() if name in CI else pytest.mark.long) for name in STATES],
)
def test_axe_finds_nothing(state: str, engine_of: Start, open_page: Open) -> None:
    name, at_s, bring_about = STATES[state]
    engine = engine_of(Run(name, at_s))
    page = open_page(engine, token=engine.tokens.act, reduced_motion="reduce")
    page.wait_for_selector("body[data-link=live]:not([data-stage=wait])", timeout=15_000)
    bring_about(engine, page)
    page.wait_for_timeout(700)
    assert violations(page, SIZES) == []


def violations(page: Page, sizes: tuple[tuple[int, int], ...]) -> list[tuple]:
    """Return what axe finds in both themes; nothing may be wider than the window."""
    found = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        for width, height in sizes:
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(300)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            for each in Axe().run(page, options=RULES).response["violations"]:
                nodes = [node["html"][:120] for node in each["nodes"][:3]]
                found.append((theme, width, each["id"], nodes))
    return found


def test_axe_finds_nothing_on_the_owners_page(engine_of: Start, open_page: Open) -> None:
    page = open_page(engine_of(Run("four")), path="/owner")
    page.get_by_role("button", name="Sign and send").click()  # it says what is missing
    page.locator("#wrong").get_by_text("Board").wait_for()
    assert violations(page, (*SIZES, (320, 640))) == []


@pytest.mark.parametrize("count", [2, 4, 6, 7, 13, 30])
def test_nothing_overlaps_from_320_px_on(count: int, engine_of: Start, open_page: Open) -> None:
    run = Run("thirty")
    hello = run.hello()
    few = {
        "boards": [each for each in hello["boards"] if each["board_id"] <= count],
        "transfers": [t for t in hello["transfers"] if max(t["ptx"], t["prx"]) <= count],
    }
    run.hello = lambda: hello | few  # type: ignore[method-assign]
    nothing_overlaps(run, engine_of, open_page)


@pytest.mark.long  # its layout is that of four boards
def test_nothing_of_a_pad_overlaps(engine_of: Start, open_page: Open) -> None:
    nothing_overlaps(Run("pad"), engine_of, open_page)


def nothing_overlaps(run: Run, engine_of: Start, open_page: Open) -> None:
    page = open_page(engine_of(run), reduced_motion="reduce")
    page.wait_for_selector("body[data-stage=live]", timeout=15_000)
    for width in (320, 400, 640, 821, 1024, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(250)
        assert page.evaluate(OVERLAPS, GROUPS) == [], width
        assert page.evaluate("document.documentElement.scrollWidth") <= width


GROUPS = (
    ".cell > .outline",
    ".cell > .number, .cell > .pct, .cell > .power",
    ".tile",
    ".tools > :not([hidden]), .brand",
)
OVERLAPS = """(groups) => groups.flatMap((group) => {
  const boxes = [...document.querySelectorAll(group)]
    .map((each) => [each.outerHTML.slice(0, 80), each.getBoundingClientRect()])
    .filter(([, box]) => box.width > 1 && box.height > 1);
  const apart = (p, q) => p.right <= q.left + 0.5 || q.right <= p.left + 0.5
    || p.bottom <= q.top + 0.5 || q.bottom <= p.top + 0.5;
  return boxes.flatMap(([a, p], i) =>
    boxes.slice(i + 1).filter(([, q]) => !apart(p, q)).map(([b]) => [a, b]));
})"""


@pytest.mark.parametrize("media", [{"forced_colors": "active"}, {"device_scale_factor": 2}])
def test_forced_colours_and_dense_screens_show_every_state(
    media: dict, engine_of: Start, open_page: Open
) -> None:
    engine = engine_of(Run("four"))
    page = open_page(engine, **media)
    page.wait_for_selector("body[data-stage=live]", timeout=15_000)
    for tile in page.get_by_test_id("tile").all():
        assert tile.locator(".word").inner_text() in {"gives", "receives"}


def test_two_hundred_percent_zoom_loses_nothing(engine_of: Start, open_page: Open) -> None:
    """A browser's zoom of 200 % on a screen of 1280 px is a page of 640 px."""
    page = open_page(engine_of(Run("four")), viewport={"width": 640, "height": 450})
    page.wait_for_selector("body[data-stage=live]", timeout=15_000)
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= 640
    for each in ("#stop", "#headline", "#ring", "#tiles", "#transfers", "#story-title"):
        assert page.locator(each).is_visible()
