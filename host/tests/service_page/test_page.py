# SPDX-License-Identifier: MIT
"""What a person sees and may do on the page, in a real Chromium before a real window."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from .conftest import Open
from .recorded import ELSEWHERE, Engine, FLOWING_s, Run, cleared, facts, fault, lost

pytestmark = pytest.mark.program("chromium", "chromium")
Start = Callable[..., Engine]

FOREIGN_OBJECT = (4, 0x8F, "FOREIGN_OBJECT")
FOCUSED = "document.activeElement.id || document.activeElement.dataset.board"
RESTS_s = 15.0  # in the run of four: before the first transfer
LEASE_LOST = (1, 0x82, "LEASE_LOST")


def live(page: Page) -> Page:
    page.wait_for_selector("body[data-link=live][data-stage=live]", timeout=15_000)
    return page


def asked(engine: Engine, action: str) -> dict:
    """Return the arguments of an action that the engine has got."""
    end_s = time.monotonic() + 5
    while time.monotonic() < end_s:
        for each in engine.asked:
            if each["action"] == action:
                return each["args"]
        time.sleep(0.02)
    raise AssertionError(f"nobody asked for {action}: {engine.asked}")


def test_each_board_has_a_tile_and_a_cell(engine_of: Start, open_page: Open) -> None:
    page = live(open_page(engine_of(Run("four"))))
    expect(page.get_by_test_id("tile")).to_have_count(4)
    expect(page.get_by_test_id("cell")).to_have_count(4)
    tile = page.locator("[data-testid=tile][data-board='3']")
    expect(tile).to_contain_text("37\u202f%")
    expect(tile).to_contain_text("Receives 2.51\u202fW from board 1.")


def test_energy_is_seen_flowing(engine_of: Start, open_page: Open) -> None:
    page = live(open_page(engine_of(Run("four"))))
    expect(page.get_by_test_id("headline")).to_have_text(
        re.compile("2 boards give 7.92\u202fW, 5.03\u202fW arrive")
    )
    canvas = page.locator("#ring canvas")
    expect(canvas).to_have_attribute("data-moves", "yes")
    page.wait_for_timeout(1500)
    first, second = canvas.screenshot(), (page.wait_for_timeout(150), canvas.screenshot())[1]
    assert first != second


def test_a_pad_feeds_several_and_shows_their_sum(engine_of: Start, open_page: Open) -> None:
    run = Run("pad", at_s=22.0)  # two receive, the third is about to
    engine = engine_of(run)
    page = live(open_page(engine, token=engine.tokens.act))
    group = page.get_by_test_id("group").first
    expect(group).to_contain_text("1 → 2, 3")
    expect(group.get_by_role("button")).to_have_count(0)
    for record in run.future:
        if record["time_s"] < run.begin["run"]["started_s"] + FLOWING_s["pad"]:
            engine.emit(record)
    expect(group).to_contain_text("1 → 2, 3, 4")
    expect(group).to_contain_text("pad runs: 4.29\u202fW → 2.71\u202fW, shared equally")
    expect(page.locator("#ring .flow")).to_have_count(3)
    tile = page.locator("[data-testid=tile][data-board='1']")
    expect(tile).to_contain_text("Gives 4.29\u202fW to boards 2, 3 and 4.")
    tile.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("board 1 to boards 2, 3 and 4, shared equally")
    expect(dialog).to_contain_text("1.42\u202fW → 0.90\u202fW")
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Stop the pad of board 1").click()
    with engine.client() as client:
        *_, newest = client.get("/api/v1/snapshot?curves=0").json()["groups"]
    assert asked(engine, "stop_transfer") == {"transfer_id": newest["transfers"][0]}


def test_nothing_moves_when_motion_is_unwanted(engine_of: Start, open_page: Open) -> None:
    engine = engine_of(Run("four"))
    page = live(open_page(engine, reduced_motion="reduce"))
    expect(page.locator("#ring canvas")).to_have_attribute("data-moves", "no")
    page = live(open_page(engine))
    page.get_by_role("button", name="Still picture").click()
    expect(page.locator("#ring canvas")).to_have_attribute("data-moves", "no")


def test_the_run_goes_on_without_a_reload(engine_of: Start, open_page: Open) -> None:
    run = Run("four", at_s=12.0)
    engine = engine_of(run)
    page = live(open_page(engine))
    expect(page.get_by_test_id("headline")).to_contain_text("nobody gives right now")
    for record in run.future:
        if record["time_s"] < run.begin["time_s"] + FLOWING_s["four"]:
            engine.emit(record | {"time_s": time.time()})
    expect(page.get_by_test_id("headline")).to_contain_text("give", timeout=3000)
    expect(page.locator("#story")).to_contain_text("begins to give to board")


def test_a_fault_is_said_in_plain_words_within_two_seconds(
    engine_of: Start, open_page: Open
) -> None:
    engine = engine_of(Run("four"))
    page = live(open_page(engine))
    page.wait_for_timeout(1500)
    notice = page.get_by_test_id("notice")
    took_s = []
    for _ in range(3):  # the quickest of three counts: other programs slow a machine down
        begin_s = time.monotonic()
        engine.emit(fault(*FOREIGN_OBJECT))
        expect(notice).to_contain_text("something other than the receiver takes power.")
        took_s.append(time.monotonic() - begin_s)
        engine.emit(cleared(*FOREIGN_OBJECT))
        expect(notice).to_have_count(0)
    assert min(took_s) < 2


def test_a_fault_names_the_way_out_and_offers_no_way_that_is_none(
    engine_of: Start, open_page: Open
) -> None:
    engine = engine_of(Run("four"))
    page = live(open_page(engine, token=engine.tokens.act))
    engine.emit(fault(*FOREIGN_OBJECT))
    notice = page.get_by_test_id("notice")
    expect(notice).to_contain_text("press its button")
    expect(notice.get_by_role("button")).to_have_count(0)
    expect(page.locator("#spoken")).to_contain_text("Board 4 stopped")
    expect(page.locator("#story")).to_contain_text("something other than the receiver")
    engine.emit(lost(2))
    expect(page.get_by_text("Board 2 is out of sight.").first).to_be_visible()


def test_only_the_key_clears_what_a_host_may_clear(engine_of: Start, open_page: Open) -> None:
    engine = engine_of(Run("four"))
    engine.emit(fault(*LEASE_LOST))
    watching = live(open_page(engine))
    expect(watching.get_by_test_id("notice")).to_contain_text("the host did not renew in time")
    expect(watching.get_by_role("button", name="Clear fault")).to_have_count(0)
    page = live(open_page(engine, token=engine.tokens.act))
    page.get_by_role("button", name="Clear fault").click()
    assert asked(engine, "acknowledge") == {"board_id": 1, "fault": "LEASE_LOST"}
    engine.emit(cleared(*LEASE_LOST))
    expect(page.get_by_test_id("notice")).to_have_count(0)


def test_stop_asks_for_the_key_and_then_asks_again(engine_of: Start, open_page: Open) -> None:
    engine = engine_of(Run("four"))
    page = live(open_page(engine))
    page.get_by_role("button", name="Stop all").click()
    page.locator("#key-field").fill("x" * 43)
    page.get_by_role("button", name="Unlock").click()
    expect(page.get_by_text("That is not a key of this service.")).to_be_visible()
    page.locator("#key-field").fill(engine.tokens.act)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Stop all transfers?")).to_be_visible()
    page.keyboard.press("Enter")  # the safe button has the focus
    assert [each for each in engine.asked if each["action"] == "stop"] == []
    page.get_by_role("button", name="Stop all").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop all").click()
    assert asked(engine, "stop") == {}
    assert engine.tokens.act not in page.url


def test_a_key_to_watch_shows_no_way_to_steer(engine_of: Start, open_page: Open) -> None:
    engine = engine_of(Run("four"))
    page = live(open_page(engine, path=f"/#view={engine.tokens.watch}"))
    assert page.url == engine.url + "/"
    expect(page.get_by_role("button", name="Watch only")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    expect(page.get_by_role("button", name="Pause crowd")).to_have_count(0)


def test_from_elsewhere_the_page_asks_for_its_key(engine_of: Start, open_page: Open) -> None:
    engine = engine_of(Run("four"))
    page = open_page(engine, host=ELSEWHERE)
    page.wait_for_selector("body[data-link=locked]")
    expect(page.get_by_test_id("tile")).to_have_count(0)
    page.locator("#key-field").fill(engine.tokens.watch)
    page.keyboard.press("Enter")
    expect(live(page).get_by_test_id("tile")).to_have_count(4)


def test_pupils_watch_by_a_code(engine_of: Start, open_page: Open) -> None:
    engine = engine_of(Run("four"))
    teacher = live(open_page(engine, token=engine.tokens.act, host=ELSEWHERE))
    teacher.get_by_role("button", name="Class").click()
    expect(teacher.get_by_role("img", name="QR code")).to_be_visible()
    address = teacher.get_by_role("dialog").locator("code").inner_text()
    path = address.removeprefix(f"http://{ELSEWHERE}:{engine.port}")
    pupil = live(open_page(engine, path=path, host=ELSEWHERE))
    assert pupil.url.endswith(f":{engine.port}/")
    expect(pupil.get_by_test_id("tile")).to_have_count(4)
    expect(pupil.get_by_role("button", name="Stop")).to_have_count(0)


def test_pause_and_resume(engine_of: Start, open_page: Open) -> None:
    engine = engine_of(Run("four"))
    page = live(open_page(engine, token=engine.tokens.act))
    page.get_by_role("button", name="Pause crowd").click()
    assert asked(engine, "pause") == {}
    engine.emit(facts(run={"state": "paused"}))
    expect(page.get_by_test_id("headline")).to_contain_text("Paused")
    page.get_by_role("button", name="Go on").click()
    assert asked(engine, "resume") == {}


def test_who_waits_for_the_same_stands_in_one_line(engine_of: Start, open_page: Open) -> None:
    page = live(open_page(engine_of(Run("thirty"))))
    waits = page.locator("#why ul").last.get_by_role("listitem")
    expect(waits).to_have_count(1)
    assert waits.locator(".mark").count() > 4


def test_a_phone_shows_how_a_transfer_stands_without_scrolling_sideways(
    engine_of: Start, open_page: Open
) -> None:
    engine = engine_of(Run("four"))
    phone = {"width": 320, "height": 700}
    page = live(open_page(engine, token=engine.tokens.act, viewport=phone))
    boxes = [each.bounding_box() for each in page.locator("#transfers td, #transfers .flip").all()]
    shown = [box for box in boxes if box]  # a phone's table has no column for the loss
    assert len(shown) > 20
    assert max(box["x"] + box["width"] for box in shown) <= 320
    assert page.get_by_role("table").count() >= 1
    bar = page.locator(".tools").bounding_box()
    assert bar
    assert bar["height"] < 60  # one row


@pytest.mark.parametrize("width", [320, 400])
def test_no_figure_of_a_transfer_runs_into_the_next_on_a_phone(
    engine_of: Start, open_page: Open, width: int
) -> None:
    page = live(open_page(engine_of(Run("pad")), viewport={"width": width, "height": 700}))
    cells = page.locator("#transfers :is(td, th:not(:last-child)):visible")
    assert cells.count() > 20
    wide = "cells => cells.filter((each) => each.scrollWidth > each.clientWidth)"
    assert cells.evaluate_all(f"{wide}.map((each) => each.textContent)") == []


def test_a_transfer_is_asked_for(engine_of: Start, open_page: Open) -> None:
    engine = engine_of(Run("four", RESTS_s))
    page = live(open_page(engine, token=engine.tokens.act))
    engine.emit(facts(boards=[{"board_id": 1, "contacts": [3, 4], "waits": None}]))
    page.locator("[data-testid=tile][data-board='1']").click()
    page.get_by_role("button", name="Give energy").click()
    page.locator("#give-to").select_option("board 4")
    energy = page.locator("#give-energy")
    energy.fill("0")
    page.keyboard.press("Enter")
    assert page.get_by_role("dialog").is_visible(), "the browser refuses what the service would"
    energy.fill("7.5")
    page.get_by_role("button", name="Ask for it").click()
    assert asked(engine, "transfer") == {"ptx": 1, "prx": 4, "energy_J": 7.5}


def test_receipts_that_are_owed_are_fetched(engine_of: Start, open_page: Open) -> None:
    engine = engine_of(Run("four"))
    page = live(open_page(engine, token=engine.tokens.act))
    fetch = page.get_by_role("button", name="Fetch receipts")
    expect(fetch).to_have_count(0)
    engine.emit(
        facts()
        | {
            "event": "Settled",
            "transfer_id": 1,
            "state": "one-sided",
            "sent_mJ": 4903,
            "received_mJ": 0,
            "loss_mJ": 0,
        }
    )
    fetch.click()
    assert asked(engine, "settle") == {}


def test_a_refusal_is_shown_in_the_words_of_the_service(engine_of: Start, open_page: Open) -> None:
    engine = engine_of(Run("four"))
    engine.answers["pause"] = (409, {"title": "Conflict", "detail": "the run ends already"})
    page = live(open_page(engine, token=engine.tokens.act))
    page.get_by_role("button", name="Pause crowd").click()
    expect(page.get_by_role("alert").first).to_have_text("The run ends already")


def test_the_keyboard_reaches_everything(engine_of: Start, open_page: Open) -> None:
    page = live(open_page(engine_of(Run("four"))))
    stops = []
    for _ in range(14):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(FOCUSED))
    assert stops[:3] == ["motion", "key", "stop"]
    assert [stop for stop in stops if stop in {"1", "2", "3", "4"}] == ["1", "2", "3", "4"]
    page.locator("[data-testid=tile][data-board='2']").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Board 2")
    expect(dialog).to_contain_text("stops giving at 20\u202f%")
    assert page.url.endswith("#board-2")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert page.evaluate("document.activeElement.dataset.board") == "2"


def test_a_board_has_an_address(engine_of: Start, open_page: Open) -> None:
    page = live(open_page(engine_of(Run("four")), path="/#board-3"))
    expect(page.get_by_role("dialog")).to_contain_text("Board 3")


def test_each_curve_has_a_table(engine_of: Start, open_page: Open) -> None:
    page = live(open_page(engine_of(Run("four"))))
    for button in page.locator(".flip[aria-controls]").all():
        button.click()
    expect(page.locator("#charge-table thead")).to_contain_text("Board 4")
    expect(page.locator("#power-table tbody tr").first).to_contain_text("7.92\u202fW")


def test_silence_is_said_and_the_picture_stays(engine_of: Start, open_page: Open) -> None:
    engine = engine_of(Run("four"))
    page = live(open_page(engine))
    engine.process.kill()
    page.wait_for_selector("body[data-link=lost]", timeout=12_000)
    expect(page.get_by_test_id("link")).to_contain_text(re.compile(r"No word for .* as of \d"))
    expect(page.get_by_test_id("tile")).to_have_count(4)
    expect(page.locator("#ring canvas")).to_have_attribute("data-moves", "no")
    expect(page.get_by_role("button", name="Stop all")).to_be_enabled()
    engine.process.wait()


@pytest.mark.parametrize(
    ("mode", "heading"), [("run", "No board in range yet"), ("demo", "The boards are starting")]
)
def test_without_boards_the_page_says_what_to_do(
    mode: str, heading: str, engine_of: Start, open_page: Open
) -> None:
    page = open_page(engine_of(Run("four", at_s=0.0), mode=mode))
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.get_by_test_id("tile")).to_have_count(0)


def test_a_replay_has_a_slider(engine_of: Start, open_page: Open) -> None:
    run = Run("four")
    now_s = time.time()
    engine = engine_of(run, mode="replay", begin_s=now_s - 60, end_s=now_s + 60)
    page = live(open_page(engine, token=engine.tokens.act))
    slider = page.get_by_role("slider", name="Time in the run")
    slider.focus()
    page.keyboard.press("Home")
    assert asked(engine, "seek")["time_s"] == pytest.approx(now_s - 60, abs=2)
    expect(page.get_by_role("button", name="Stop all")).to_be_hidden()


@pytest.mark.parametrize(("state", "button"), [("running", "Hold"), ("paused", "Play")])
def test_a_replay_plays_or_holds(
    state: str, button: str, engine_of: Start, open_page: Open
) -> None:
    now_s = time.time()
    facts = {"mode": "replay", "state": state, "begin_s": now_s - 60, "end_s": now_s + 60}
    engine = engine_of(Run("four"), **facts)
    page = live(open_page(engine, token=engine.tokens.act))
    expect(page.get_by_role("button", name=button, exact=True)).to_be_visible()


def test_what_is_asked_of_a_board_at_work_is_asked_again_until_it_is_free(
    engine_of: Start, open_page: Open
) -> None:
    engine = engine_of(Run("four"))
    engine.answers["acknowledge"] = (409, {"title": "Conflict", "detail": "busy", "busy": True})
    engine.emit(fault(*LEASE_LOST))
    page = live(open_page(engine, token=engine.tokens.act))
    page.get_by_role("button", name="Clear fault").click()
    expect(page.locator("#toast")).to_contain_text("as soon as it is free")
    del engine.answers["acknowledge"]
    once = len(engine.asked)
    page.wait_for_timeout(1500)
    assert len(engine.asked) == once + 1, "it was done, and is not asked for once more"
