# SPDX-License-Identifier: MIT
"""An owner signs in a browser what a board obeys; the owner's key goes nowhere."""

import random
from collections.abc import Callable
from dataclasses import astuple, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from playwright.sync_api import Page, expect

from crowdcharge.bench.sessions.steady_board import SteadyBoard
from crowdcharge.boards import mandates
from crowdcharge.cli.owner import owner
from crowdcharge.clock import minute_of_day, unix_s
from wptcore import consent, mandate

from ..orchestrator.test_consent import OWNER, owned
from .conftest import Open
from .recorded import ELSEWHERE, Engine, Run

pytestmark = pytest.mark.program("chromium", "chromium")
Start = Callable[..., Engine]
KEY = OWNER.hex()
FILLED = {"day": "0.5", "floor": "40", "from": "22:00", "to": "06:00", "friends": "4, 3"}
FILLED |= {"wants": "80", "energy": "2.25", "hours": "7.5"}
TICKS = ["crowd", "friends"]
SAME = "--gives-to crowd,friends --friends 3,4 --day-wh 0.5 --floor-pct 40 --hours 22:00-06:00"
SAME += " --ask --hide --wants-pct 80 --wants-wh 2.25 --wants-for-h 7.5"


class Carries(dict):
    """Answers of an engine that carries mandates to a real core, board 7; it has no radio."""

    def __init__(self, engine: Engine, board: SteadyBoard) -> None:
        self._engine, self._core = engine, board.core

    def get(self, action: str, default: Any = None) -> Any:
        assert action == "mandate"
        taken = self._core.take_mandate(bytes.fromhex(self._engine.asked[-1]["args"]["signed"]))
        if not isinstance(taken, tuple):
            return 409, {"detail": f"board 7 refuses: {taken}"}
        return 200, {"board_id": 7, "number": taken[1], "proof": taken[2].hex()}


@pytest.fixture
def board() -> SteadyBoard:
    """Return a board that has the owner's key for it, and a mandate of number 1."""
    board = SteadyBoard(7, 50.0, 20.0)
    owned(SimpleNamespace(boards={7: board}), 7)
    return board


@pytest.fixture
def engine(engine_of: Start, board: SteadyBoard) -> Engine:
    engine = engine_of(Run("four"))
    engine.answers = Carries(engine, board)
    return engine


def opened(engine: Engine, open_page: Open, given: str = "") -> Page:
    """Open the page as from a QR code, with the token of who may watch."""
    return open_page(engine, path=f"/owner#view={engine.tokens.watch}{given}")


def sign(page: Page) -> None:
    page.get_by_role("button", name="Sign and send").click()


def test_the_browser_packs_what_the_command_packs(engine: Engine, open_page: Open) -> None:
    rng = random.Random(1)

    def terms() -> mandates.MandateTerms:
        sizes = (16, 32, 4, 32, 7, 2, 10, 10, 10, 32, 9, 16)
        friends = tuple(rng.getrandbits(16) for _ in range(rng.randrange(9)))
        return mandates.MandateTerms(*map(rng.getrandbits, sizes), friends)

    made = [(rng.randbytes(32), terms()) for _ in range(50)]
    names = list(mandates.MandateTerms.__dataclass_fields__)
    given = [(key.hex(), dict(zip(names, astuple(each), strict=True))) for key, each in made]
    page = open_page(engine, path="/owner")
    packed = page.evaluate(
        """async (all) => {
          const { hex, signed, unhex } = await import("/static/mandate.js");
          const made = all.map(([key, terms]) => signed(unhex(key), terms));
          return (await Promise.all(made)).map(hex);
        }""",
        given,
    )
    assert packed == [each.signed(key).hex() for key, each in made]


def test_a_board_obeys_what_its_owner_signs_on_the_page(
    engine: Engine, board: SteadyBoard, open_page: Open, tmp_path: Path
) -> None:
    page = opened(engine, open_page)
    sent: list[str] = []
    page.on("request", lambda each: sent.append(f"{each.url} {each.headers} {each.post_data}"))
    page.get_by_label("Board", exact=True).fill("7")
    page.get_by_label("boards that its host picks").uncheck()
    for value in TICKS:
        page.locator(f"[value={value}]").check()
    for name in ("ask", "hide"):
        page.locator(f"[name={name}]").check()
    for name, value in FILLED.items():
        page.locator(f"#{name}").fill(value)
    page.get_by_label("Your owner key").fill(f'key = "{KEY}"')
    sign(page)
    expect(page.get_by_role("status")).to_have_text("Board 7 obeys it.")

    (asked,) = engine.asked
    posted = bytes.fromhex(asked["args"]["signed"])
    (tmp_path / "owner.toml").write_text(f'key = "{KEY}"\n')
    (tmp_path / "owner.toml").chmod(0o600)
    out, options = str(tmp_path / "mandate"), SAME.split()
    arguments = ["sign", str(tmp_path / "owner.toml"), "--id", "7", *options, "--out", out]
    assert CliRunner().invoke(owner, arguments).exit_code == 0
    typed, shown = (decoded(each) for each in (mandates.read(Path(out)), posted))
    assert abs(shown.number - unix_s()) < 120 and (minute_of_day() - shown.now_min) % 1440 < 3
    moment = replace(typed, number=shown.number, now_min=shown.now_min)
    assert moment.signed(OWNER) == posted

    assert board.core.consent.signed == posted
    assert board.core.consent.gives_to == consent.CROWD | consent.FRIENDS
    assert board.core.consent.mandate.friends == (3, 4)
    assert sent and not any(KEY in each or "crowdcharge-owner" in each for each in sent)
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]


def decoded(signed: bytes) -> mandates.MandateTerms:
    found = mandate.verified(mandates.sha256, mandates.board_key(OWNER, 7), 7, signed)
    return mandates.MandateTerms(
        **{name: getattr(found, name) for name in mandates.MandateTerms.__dataclass_fields__}
    )


def test_a_service_that_only_says_so_is_not_believed(engine: Engine, open_page: Open) -> None:
    engine.answers = {"mandate": (200, {"board_id": 7, "number": 1, "proof": "00" * 16})}
    page = opened(engine, open_page, f"&owner={KEY}&board=7")
    sign(page)
    expect(page.locator("#wrong")).to_contain_text("Board 7 did not prove that it took this.")
    expect(page.get_by_role("status")).to_have_text("")


def test_a_board_at_work_gets_it_as_soon_as_it_is_free(
    engine: Engine, open_page: Open, board: SteadyBoard
) -> None:
    free, engine.answers = engine.answers, {"mandate": (409, {"detail": "busy", "busy": True})}
    page = opened(engine, open_page, f"&owner={KEY}&board=7")
    sign(page)
    expect(page.get_by_role("status")).to_contain_text("Board 7 is at work. It gets this as soon")
    expect(page.get_by_role("button", name="Sign and send")).to_be_disabled()
    engine.answers = free
    expect(page.get_by_role("status")).to_have_text("Board 7 obeys it.")
    assert board.core.consent.signed == bytes.fromhex(engine.asked[-1]["args"]["signed"])


def test_what_the_board_refuses_is_said(engine: Engine, open_page: Open) -> None:
    page = opened(engine, open_page, f"&owner={'ab' * 32}&board=7")
    sign(page)
    expect(page.locator("#wrong")).to_contain_text("board 7 refuses")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("board", "", "Board: 1 to 65534."),
        ("board", "65535", "Board: 1 to 65534."),
        ("day", "0", "up to, Wh a day: 0.01 to 1000."),
        ("floor", "19", "above, % of its charge: 20 to 90."),
        ("friends", "3", "Tick friends and name them, or neither."),
        ("friends", "0", "Friends are numbers of boards"),
        ("from", "22:00", "Both hours, and not the same."),
        ("wants", "", "charge up to, %: 0 to 100."),
        ("hours", "1001", "for, hours: 0.02 to 1000."),
        ("key", "ab" * 31, "An owner key has 64 hexadecimal digits"),
    ],
)
def test_a_mistake_is_said_at_its_field_and_nothing_is_sent(
    engine: Engine, open_page: Open, field: str, value: str, words: str
) -> None:
    page = opened(engine, open_page, f"&owner={KEY}&board=7")
    page.locator(f"#{field}").fill(value)
    sign(page)
    expect(page.locator("#wrong")).to_contain_text(words)
    expect(page.locator(f"#{field}")).to_be_focused()
    assert page.locator("[aria-invalid]").evaluate_all("all => all.map((each) => each.id)") == [
        field
    ]
    assert engine.asked == []


def test_a_qr_code_brings_the_key_and_the_keyboard_does_the_rest(
    engine: Engine, open_page: Open
) -> None:
    page = opened(engine, open_page, f"&owner={KEY}&board=7")
    assert page.evaluate("location.href").endswith("/owner")
    page.reload()  # within the tab the key stays
    page.locator("#board").focus()
    page.keyboard.type("7")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Board 7 obeys it.")
    page.locator("#key").focus()
    while page.evaluate("document.activeElement.id") != "forget":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#key")).to_have_value("")
    assert page.evaluate("sessionStorage.getItem('crowdcharge-owner')") is None
    page.locator("#file").set_input_files(
        files=[{"name": "o", "mimeType": "text/plain", "buffer": f'key = "{KEY}"\n'.encode()}]
    )
    expect(page.locator("#key")).to_have_value(f'key = "{KEY}"')


def test_from_elsewhere_it_signs_over_https_only(engine: Engine, open_page: Open) -> None:
    page = open_page(engine, path="/owner", host=ELSEWHERE)
    expect(page.get_by_role("alert").first).to_contain_text("came over https")
    expect(page.get_by_role("button", name="Sign and send")).to_be_disabled()
    page = open_page(engine, path=f"/owner#owner={KEY}&board=7")
    sign(page)
    expect(page.get_by_label("The service's own key")).to_be_focused()
    page.get_by_label("The service's own key").fill(engine.tokens.watch)
    sign(page)
    expect(page.get_by_role("status")).to_have_text("Board 7 obeys it.")
