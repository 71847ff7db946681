# SPDX-License-Identifier: MIT
"""What the interface says of a crowd."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crowdcharge.ledger import kinds
from crowdcharge.ledger.store import Store

from .engine import Engine, hello, reading, until

API = "/api/v1"
CONFIG = {"keys": "keys.toml", "serve": {"allowed_hosts": ["bench.example.org"]}}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Give the window a real ledger of seven rows, and a run file full of secrets."""
    out = tmp_path_factory.mktemp("out")
    with Store.create(out / "ledger.sqlite") as store:
        store.append([kinds.Run("online-average", 1, None)])
        store.append([kinds.Reading(n, 1, 500, 0, 0, 100_000, 10) for n in range(1, 7)])
        engine = Engine(out, hello(config=CONFIG, ledger=str(out / "ledger.sqlite")))
        yield engine
        assert engine.close() == ""


def get(engine: Engine, path: str, **query: Any) -> Any:
    with engine.client() as client:
        answer = client.get(API + path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_reading_shows_on_the_board(engine: Engine) -> None:
    engine.emit(reading(2, 632))
    until(lambda: get(engine, "/boards")[1]["soc_pct"] == 63.2)


def test_a_contact_is_named_once(engine: Engine) -> None:
    pairs = [each["boards"] for each in get(engine, "/contacts")]
    assert pairs == [[1, 2], [1, 4], [2, 3], [3, 4]]


def test_the_policy_says_why(engine: Engine) -> None:
    policy = get(engine, "/policy")
    assert (policy["name"], policy["says"]) == ("online-average", "The fullest gives.")
    assert policy["name"] in policy["names"]


def test_the_configuration_has_no_secret(engine: Engine) -> None:
    shown = get(engine, "/config")
    assert shown["serve"] == CONFIG["serve"]
    assert "keys.toml" not in str(shown)


def test_the_ledger_comes_in_pages(engine: Engine) -> None:
    rows, after = [], 0
    while after is not None:
        page = get(engine, "/ledger", after=after, limit=3)
        assert len(page["rows"]) <= 3
        rows += page["rows"]
        after = page["next"]
    assert [row["seq"] for row in rows] == list(range(1, 8))
    assert rows[0]["kind"] == "run"
    assert rows[6]["body"]["board_id"] == 6
    for limit, after in ((6, 6), (7, None), (8, None)):  # a page that ends with the ledger says so
        assert get(engine, "/ledger", limit=limit)["next"] == after
    assert get(engine, "/ledger", after=7) == {"rows": [], "next": None}


def test_a_run_without_a_ledger_has_an_empty_one(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    assert get(engine, "/ledger") == {"rows": [], "next": None}
    assert engine.close() == ""


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("after=-1", "below"),
        ("limit=0", "below"),
        ("limit=1001", "above"),
        ("limit=a", "whole number"),
        ("after=" + "9" * 5000, "whole number"),
    ],
)
def test_a_wrong_page_is_a_problem(engine: Engine, query: str, word: str) -> None:
    with engine.client() as client:
        answer = client.get(f"{API}/ledger?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert word in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/api", "/api/v1", "/api/v2/boards", "/boards/", "/static/../x"])
def test_nothing_else_is_there(engine: Engine, path: str) -> None:
    with engine.client() as client:
        answer = client.get(path)
    assert (answer.status_code, answer.json()["title"]) == (404, "Not Found")


def test_what_the_token_allows(engine: Engine) -> None:
    tokens = engine.tokens
    for token, act in ((None, False), (tokens.watch, False), (tokens.act, True)):
        with engine.client(token) as client:
            assert client.get(f"{API}/access").json() == {"watch": True, "act": act}


def test_every_answer_is_safe_for_a_browser(engine: Engine) -> None:
    with engine.client() as client:
        for path in ("/", "/static/none", f"{API}/boards", f"{API}/none", "/healthz"):
            headers = client.get(path).headers
            assert "default-src 'none'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert "server" not in headers


@pytest.mark.parametrize("kind", ["LedgerError", "NoAdapter"])
def test_it_is_not_ready_while_ledger_or_radio_fail(tmp_path: Path, kind: str) -> None:
    engine = Engine(tmp_path)
    with engine.client() as client:
        assert client.get("/readyz").status_code == 200
        trouble = {"event": "Trouble", "time_s": 1_790_000_000.0, "board_id": 0}
        engine.emit(trouble | {"kind": "RadioError", "text": "one board's link fell"})
        engine.emit(trouble | {"kind": kind, "text": "the disk is full"})
        until(lambda: client.get("/readyz").status_code == 503)
        assert client.get("/readyz").json()["detail"] == "the disk is full"
        assert client.get("/healthz").status_code == 200
    assert engine.close() == ""


@pytest.mark.slow
def test_it_is_ready_while_its_engine_speaks(engine: Engine) -> None:
    with engine.client() as client:
        engine.emit(reading(1, 500))
        until(lambda: client.get("/readyz").status_code == 200)
        assert client.get("/readyz").json() == {"status": "ready", "state": "running"}
        until(lambda: client.get("/readyz").status_code == 503, 20)
        assert "said nothing" in client.get("/readyz").json()["detail"]
        assert client.get("/healthz").json() == {"status": "ok"}


def test_a_jump_of_a_replay_begins_anew(engine: Engine) -> None:
    before = get(engine, "/snapshot")
    engine.say(hello(boards=2, config=CONFIG, ledger=str(engine.out / "ledger.sqlite")))
    until(lambda: len(get(engine, "/boards")) == 2)
    assert get(engine, "/snapshot")["seq"] > before["seq"]
