# SPDX-License-Identifier: MIT
"""The guard by its properties: rights come from tokens and nearness, whatever else is said."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdcharge.service.window.api import OPERATIONS, ROOT
from crowdcharge.service.window.guard import BODY_MAX, HEAD_MAX, Guard
from crowdcharge.service.window.problems import NotDone
from crowdcharge.service.window.tokens import Right, Tokens

ACT, WATCH = "a" * 43, "w" * 43
GUARD = Guard(Tokens(ACT, WATCH), frozenset({"bench.example.org"}))
HERE, AWAY = "127.0.0.1", "192.168.1.77"
OWN = "192.168.1.5"
NEAR_NAMES = ["localhost", "127.0.0.1", "[::1]", "LocalHost"]
FAR_NAMES = ["bench.example.org", "BENCH.example.org", OWN]
STRANGE_NAMES = [
    "evil.example.com", "localhost.evil.com", "127.0.0.1.evil.com", "192.168.1.6", "0.0.0.0",
    "xbench.example.org", "bench.example.org.", "2130706433", "[::]", "127.1",
]  # fmt: skip
MALFORMED = [
    "", " ", "a b", "localhost:", "localhost:99999999", "user@localhost", "localhost/", "[::1",
    "a,localhost", "localhost\x00", "löcal", "http://localhost", "localhost#", "::1",
]  # fmt: skip
KNOWN = ("localhost", "127.", "[", "bench.")
FORWARDED = ["Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP"]
PATHS = ["/", "/static/page.css", "/healthz", "/metrics", "/api", "/api/v1/none", "/nothing"] + [
    ROOT + operation.path.replace("{", "").replace("}", "") for operation in OPERATIONS
]
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", "BREW"]
bearers = st.sampled_from([None, f"Bearer {ACT}", f"Bearer {WATCH}", f"bearer  {ACT} "])
UNLIKE = ["{} x", "{},", '"{}"', "{}\xa0", "{}\x1c", "\x85{}", "{}\t", "={}"]


def scope(
    host: str = "localhost:8722",
    client: str = HERE,
    method: str = "GET",
    path: str = "/api/v1/boards",
    *more: tuple[str, str],
) -> dict[str, Any]:
    headers = [("host", host), *((name.lower(), value) for name, value in more)]
    raw = [(name.encode("latin-1"), value.encode("utf-8")) for name, value in headers]
    return {
        "type": "http",
        "method": method,
        "path": path,
        "headers": raw,
        "client": (client, 5555),
        "server": (HERE if client == HERE else OWN, 8722),
    }


def status(asked: dict[str, Any]) -> int:
    """0: let through."""
    try:
        GUARD.judge(asked)
    except NotDone as refused:
        return refused.status
    return 0


def is_action(method: str, path: str) -> bool:
    return path.startswith(("/api", "/metrics")) and method not in {"GET", "HEAD"}


@given(
    st.sampled_from(NEAR_NAMES + FAR_NAMES), st.sampled_from([HERE, AWAY]), bearers,
    st.sampled_from(METHODS), st.sampled_from(PATHS), st.sampled_from([None, *FORWARDED]),
)  # fmt: skip
def test_only_the_full_token_acts(
    host: str, client: str, bearer: str | None, method: str, path: str, forwarded: str | None
) -> None:
    own = [host] if host != OWN or client == AWAY else ["localhost"]
    more = [("authorization", bearer)] if bearer else []
    more += [(forwarded, "203.0.113.7")] if forwarded else []
    found = status(scope(own[0], client, method, path, *more))
    near = client == HERE and own[0] in NEAR_NAMES and not forwarded
    full = bearer is not None and ACT in bearer
    signed = path == "/api/v1/mandates"  # its words are an owner's, who need not be the operator
    if (is_action(method, path) and not signed) or path == "/api/v1/classroom":
        assert (found == 0) is full
    elif signed:
        assert (found == 0) is (bearer is not None)
    elif path.startswith(("/api", "/metrics")):
        assert (found == 0) is (near or bearer is not None)
    else:
        assert found == 0


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=60))
def test_no_other_text_is_a_token(text: str) -> None:
    for header in (text, f"Bearer {text}", f"Basic {text}", f"{ACT} {text}"):
        assert status(scope("localhost", HERE, "GET", "/", ("authorization", header))) == 401


@pytest.mark.parametrize("client", [HERE, AWAY])
@pytest.mark.parametrize("name", STRANGE_NAMES)
def test_a_rebound_name_gets_nothing(name: str, client: str) -> None:
    token = ("authorization", f"Bearer {ACT}")
    for path in ("/", "/api/v1/boards", "/healthz"):
        for host in (name, f"{name}:8722"):
            assert status(scope(host, client, "GET", path, token)) == 421


@pytest.mark.parametrize("host", MALFORMED)
def test_a_malformed_name_is_refused(host: str) -> None:
    assert status(scope(host)) in {400, 421}


def test_two_names_or_none_are_refused() -> None:
    assert status(scope("localhost", HERE, "GET", "/", ("host", "localhost"))) == 400
    assert status(scope() | {"headers": []}) == 400


@given(st.text(max_size=40).filter(lambda text: not text.lower().startswith(KNOWN)))
def test_no_other_name_is_answered(text: str) -> None:
    assert status(scope(text, path="/")) in {400, 421}


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        ("http://localhost:8722", "localhost:8722", True),
        ("https://bench.example.org", "bench.example.org", True),
        ("http://localhost:9999", "localhost:8722", False),
        ("http://evil.example.com", "localhost:8722", False),
        ("null", "localhost:8722", False),
        ("file://", "localhost:8722", False),
        ("http://[", "localhost:8722", False),
        ("ftp://localhost:8722", "localhost:8722", False),
        ("http://localhost:8722@evil.example.com", "localhost:8722", False),
    ],
)
def test_a_page_of_another_origin_gets_nothing(origin: str, host: str, allowed: bool) -> None:
    for method, path in (("POST", "/api/v1/stop"), ("GET", "/api/v1/events")):
        token = ("authorization", f"Bearer {ACT}")
        found = status(scope(host, HERE, method, path, token, ("origin", origin)))
        assert found == (0 if allowed else 403)


@pytest.mark.parametrize("form", UNLIKE)
def test_a_token_with_anything_beside_it_is_none(form: str) -> None:
    asked = scope("localhost", HERE, "POST", "/api/v1/stop")
    asked["headers"].append((b"authorization", f"Bearer {form.format(ACT)}".encode("latin-1")))
    assert status(asked) == 401


def test_two_tokens_are_none() -> None:
    token = ("authorization", f"Bearer {ACT}")
    assert status(scope("localhost", HERE, "POST", "/api/v1/stop", token, token)) == 401


@given(st.one_of(st.integers().map(str), st.text(max_size=30)))
def test_a_length_beyond_the_limit_is_refused(length: str) -> None:
    small = length.isascii() and length.isdigit() and len(length) <= 18 and int(length) <= BODY_MAX
    found = status(scope("localhost", HERE, "GET", "/", ("content-length", length)))
    assert found == (0 if small else 413)


@pytest.mark.parametrize("more", [[("a", "b" * HEAD_MAX)], [("a", "b")] * HEAD_MAX])
def test_a_head_that_came_in_one_piece_is_bounded_too(more: list[tuple[str, str]]) -> None:
    assert status(scope("localhost", HERE, "GET", "/", *more)) == 431


def test_an_address_of_version_6() -> None:
    asked = scope("[fe80::5]:8722", AWAY, "GET", "/") | {"server": ("fe80::5", 8722)}
    assert status(asked) == 0
    mapped = scope(OWN, AWAY, "GET", "/") | {"server": (f"::ffff:{OWN}", 8722)}
    assert status(mapped) == 0
    near = scope("localhost") | {"client": ("::ffff:127.0.0.1", 1)}
    assert GUARD.judge(near) is Right.WATCH


def test_a_client_without_an_address_is_not_near() -> None:
    assert status(scope() | {"client": None}) == 401
