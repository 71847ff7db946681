# SPDX-License-Identifier: MIT
"""What is asked of the engine: only what a full token asks, with values that are checked."""

from typing import Any

import pytest

from crowdcharge.service.window.api import OPERATIONS, ROOT
from crowdcharge.service.window.problems import problem

from .engine import Engine

ACTIONS = [operation for operation in OPERATIONS if operation.action]
ASKED = [
    ("/pause", None, "pause", {}),
    ("/resume", {}, "resume", {}),
    ("/stop", None, "stop", {}),
    ("/settle", None, "settle", {}),
    ("/transfers/7/stop", None, "stop_transfer", {"transfer_id": 7}),
    ("/boards/3/forbid", None, "forbid", {"board_id": 3}),
    ("/boards/3/allow", None, "allow", {"board_id": 3}),
    (
        "/boards/65534/acknowledge",
        {"fault": "LEASE_LOST"},
        "acknowledge",
        {"board_id": 65534, "fault": "LEASE_LOST"},
    ),
    ("/policy", {"name": "greedy"}, "policy", {"name": "greedy", "options": {}}),
    (
        "/policy",
        {"name": "greedy", "options": {"seed": 3, "deep": True, "by": "x"}},
        "policy",
        {"name": "greedy", "options": {"seed": 3, "deep": True, "by": "x"}},
    ),
    (
        "/transfers",
        {"ptx": 1.0, "prx": 2, "energy_J": 7.5},
        "transfer",
        {"ptx": 1, "prx": 2, "energy_J": 7.5},
    ),
    ("/mandates", {"signed": "0f" * 60}, "mandate", {"signed": "0f" * 60}),
    ("/seek", {"time_s": 12.5}, "seek", {"time_s": 12.5}),
    ("/play", {"speed": 0}, "play", {"speed": 0}),
]
WRONG = [
    ("/boards/0/forbid", None),
    ("/boards/65535/forbid", None),
    ("/boards/one/forbid", None),
    ("/boards/" + "9" * 5000 + "/forbid", None),
    ("/transfers/-1/stop", None),
    ("/boards/1/acknowledge", {}),
    ("/boards/1/acknowledge", {"fault": 143}),
    ("/boards/1/acknowledge", {"fault": ""}),
    ("/boards/1/acknowledge", {"fault": "X" * 65}),
    ("/boards/1/forbid", {"until": 3}),
    ("/transfers", {"ptx": 1, "prx": 2}),
    ("/mandates", {"signed": "0f" * 61}),
    ("/mandates", {}),
    ("/transfers", {"ptx": 1, "prx": 2, "energy_J": 0}),
    ("/transfers", {"ptx": 1, "prx": 2, "energy_J": True}),
    ("/transfers", {"ptx": 1.5, "prx": 2, "energy_J": 1}),
    ("/transfers", {"ptx": None, "prx": 2, "energy_J": 1}),
    ("/policy", {"name": "x", "options": [1]}),
    ("/policy", {"name": "x", "options": {"a": {"b": 1}}}),
    ("/policy", {"name": "x", "options": {str(n): 1 for n in range(33)}}),
    ("/pause", ["now"]),
]
NO_JSON = [
    b"{",
    b"\xff\xfe",
    b'{"name": NaN}',
    b'{"name": 1e999}',
    b"[" * 8000,
    b'{"a":' * 1500,
    b'{"name": "a", "name": "b"}',
    b'{"name": "a", "options": {"x": 1, "x": 2}}',
    b'{"name": "\\ud800"}',
    b'{"name": "a", "options": {"x": ' + b"9" * 5000 + b"}}",
]


@pytest.mark.parametrize(("path", "body", "action", "args"), ASKED)
def test_an_action_reaches_the_engine(
    engine: Engine, path: str, body: Any, action: str, args: dict[str, Any]
) -> None:
    with engine.client(engine.tokens.act) as client:
        answer = (
            client.post(ROOT + path, json=body) if body is not None else client.post(ROOT + path)
        )
    assert (answer.status_code, answer.json()) == (200, {"done": action})
    assert (engine.asked[-1]["action"], engine.asked[-1]["args"]) == (action, args)


def test_every_action_is_tried_above() -> None:
    assert {action for _, _, action, _ in ASKED} == {each.action for each in ACTIONS}


@pytest.mark.parametrize("path", sorted({path for path, *_ in ASKED} - {"/mandates"}))
def test_no_action_without_the_full_token(engine: Engine, path: str) -> None:
    before = len(engine.asked)
    for token, status in ((None, 401), ("x" * 43, 401), (engine.tokens.watch, 403)):
        with engine.client(token) as client:
            answer = client.post(ROOT + path, json={})
        assert answer.status_code == status
        assert answer.json()["status"] == status
        assert ("www-authenticate" in answer.headers) is (status == 401)
    assert len(engine.asked) == before


def test_what_an_owner_signed_is_carried_for_everybody_who_may_watch(engine: Engine) -> None:
    signed = {"signed": "0f" * 60}
    for token, status in (("x" * 43, 401), (engine.tokens.watch, 200), (None, 401)):
        with engine.client(token) as client:
            assert client.post(f"{ROOT}/mandates", json=signed).status_code == status
    with engine.client(Host="bench.example.org") as away:
        assert away.post(f"{ROOT}/mandates", json=signed).status_code == 401
    with engine.client(Origin="http://evil.example.com") as elsewhere:
        assert elsewhere.post(f"{ROOT}/mandates", json=signed).status_code == 403


@pytest.mark.parametrize(("path", "body"), WRONG)
def test_a_wrong_value_is_refused_before_the_engine(engine: Engine, path: str, body: Any) -> None:
    before = len(engine.asked)
    with engine.client(engine.tokens.act) as client:
        answer = client.post(ROOT + path, json=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(engine.asked) == before


@pytest.mark.parametrize("body", NO_JSON)
def test_what_is_no_json_is_refused(engine: Engine, body: bytes) -> None:
    with engine.client(engine.tokens.act, **{"Content-Type": "application/json"}) as client:
        assert client.post(ROOT + "/policy", content=body).status_code == 400


def test_a_form_is_refused(engine: Engine) -> None:
    with engine.client(engine.tokens.act) as client:
        assert client.post(ROOT + "/pause", data={"a": "b"}).status_code == 415


def test_a_large_body_is_refused(engine: Engine) -> None:
    with engine.client(engine.tokens.act, **{"Content-Type": "application/json"}) as client:
        assert client.post(ROOT + "/policy", content=b" " * 8193).status_code == 413
        pieces = (b" " * 1000 for _ in range(9))
        assert client.post(ROOT + "/policy", content=pieces).status_code == 413


@pytest.mark.parametrize("status", [404, 409, 422])
def test_the_engine_says_no(engine: Engine, status: int) -> None:
    """What the engine refuses comes as its own problem document."""
    engine.answers["forbid"] = (status, problem(status, "no such board"))
    with engine.client(engine.tokens.act) as client:
        answer = client.post(ROOT + "/boards/9/forbid")
    del engine.answers["forbid"]
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "no such board"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_an_action_has_one_method(engine: Engine, method: str) -> None:
    with engine.client(engine.tokens.act) as client:
        assert client.request(method, ROOT + "/pause").status_code == 405
