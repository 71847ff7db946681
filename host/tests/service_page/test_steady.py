# SPDX-License-Identifier: MIT
"""What a person reads stays where it is while the crowd goes on."""

from collections.abc import Callable

import pytest

from .conftest import Open
from .recorded import Engine, Run
from .test_page import live

pytestmark = pytest.mark.program("chromium", "chromium")
Start = Callable[..., Engine]
WHERE = """() => [...document.querySelectorAll(".stage, .tile, .curve, .why")]
  .map((each) => Math.round(each.getBoundingClientRect().top + scrollY)).join(" ")"""


@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_jumps_while_the_sentences_change(
    width: int, engine_of: Start, open_page: Open
) -> None:
    """But for a notice, which takes its room: there is none in this part of the run."""
    run = Run("four", 19.0)
    engine = engine_of(run)
    page = live(open_page(engine, viewport={"width": width, "height": 900}))
    seen, said = set(), set()
    for record in run.future:
        engine.emit(record)
        page.wait_for_timeout(30)
        if not page.get_by_test_id("notice").count():
            seen.add(page.evaluate(WHERE))
            said.add(page.get_by_test_id("headline").inner_text())
    assert len(said) > 2
    assert len(seen) == 1
