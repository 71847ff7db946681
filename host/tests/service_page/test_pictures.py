# SPDX-License-Identifier: MIT
"""The pictures of the README and of the operator's tour, made from what a browser shows.

CROWDCHARGE_PICTURES=docs/images pytest -m "" host/tests/service_page/test_pictures.py
"""

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from .conftest import Open
from .recorded import Engine, Run, fault, lost

Image = pytest.importorskip("PIL.Image")

pytestmark = [pytest.mark.program("chromium", "chromium"), pytest.mark.slow]
Start = Callable[..., Engine]
WIDE, PHONE = (1280, 884), (400, 850)
COLOURS = 192  # of a picture; more cannot be told apart and cost bytes


def as_it_is(_engine: Engine, _page: Page) -> None:
    pass


def faults(engine: Engine, page: Page) -> None:
    engine.emit(fault(4, 0x8F, "FOREIGN_OBJECT"))
    engine.emit(lost(2))
    page.get_by_text("Board 2 is out of sight.").first.wait_for()


def board(_engine: Engine, page: Page) -> None:
    page.locator("[data-testid=tile][data-board='1']").click()


# file: run, size, theme, with the key, what is brought about
PICTURES = {
    "page": ("four", WIDE, "light", False, as_it_is),
    "page-dark": ("four", WIDE, "dark", True, as_it_is),
    "page-fault": ("four", WIDE, "light", True, faults),
    "page-many": ("thirty", WIDE, "dark", False, as_it_is),
    "page-phone": ("four", PHONE, "light", False, as_it_is),
    "page-phone-dark": ("four", PHONE, "dark", True, faults),
    "page-pad": ("pad", WIDE, "light", True, as_it_is),
    "page-board": ("four", WIDE, "light", True, board),
}
CI = {"page", "page-phone-dark"}  # the others with -m long


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in CI else pytest.mark.long) for name in PICTURES],
)
def test_picture(name: str, engine_of: Start, open_page: Open, tmp_path: Path) -> None:
    run, (width, height), theme, with_key, bring_about = PICTURES[name]
    engine = engine_of(Run(run))
    token = engine.tokens.act if with_key else None
    viewport = {"width": width, "height": height}
    page = open_page(engine, token=token, viewport=viewport, color_scheme=theme)
    page.wait_for_selector("body[data-link=live][data-stage=live]", timeout=15_000)
    bring_about(engine, page)
    page.wait_for_timeout(2500)  # until dots are all along the way
    kept = Path(os.environ.get("CROWDCHARGE_PICTURES", tmp_path)) / f"{name}.png"
    with Image.open(io.BytesIO(page.screenshot())) as shown:
        assert shown.size == (width, height)
        assert len(shown.convert("RGB").getcolors(1 << 24)) > 100  # not one blank sheet
        shown.convert("RGB").quantize(COLOURS, kmeans=2, dither=0).save(kept, optimize=True)
    assert kept.stat().st_size < 120_000
