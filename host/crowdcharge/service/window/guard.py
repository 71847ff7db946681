# SPDX-License-Identifier: MIT
"""Who may ask for what: judged from a request's head, before anything reads more of it.

- Host: a page of a stranger's whose name was rebound to this machine brings the stranger's name.
- Origin: a page of a stranger's that sends requests here brings its own origin.
- Token: any action needs the full one; reading needs one unless it comes from this machine. What a
  reverse proxy hands on also comes from this machine: it is told by the name, by its headers, or
  by HTTP/1.0, which nginx speaks where nobody has told it to say for whom it speaks.
"""

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crowdcharge.service.window.problems import NotDone
from crowdcharge.service.window.tokens import Right, Tokens

BODY_MAX = 8192
HEAD_MAX = 16 * 1024
_CONTENT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
SECURITY = {
    "Content-Security-Policy": _CONTENT,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_FORWARDED = (
    "forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip",
)  # fmt: skip
_HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::[0-9]{1,5})?")
_WATCHED = ("/api", "/metrics")  # what is no page: reading it needs a right
_SECRET = ("/api/v1/classroom",)  # reading these gives a right away
# Their words are an owner's, so whoever may watch may bring them; but a token must be shown.
_SIGNED = ("/api/v1/mandates",)


@dataclass(frozen=True, slots=True)
class Guard:
    tokens: Tokens
    allowed_hosts: Collection[str]

    def judge(self, scope: Scope) -> Right:
        """Return the right of whoever asks. NotDone if it is not enough for what is asked."""
        headers = Headers(scope=scope)
        named = headers.getlist("host")
        host = host_name(named[0]) if len(named) == 1 else ""
        if not host:
            raise NotDone(400, "the Host header is missing or malformed")
        if not self.answers_to(host, scope):
            raise NotDone(421, f"this service does not answer to the name {host!r}")
        _require_own_origin(headers)
        _require_small(headers)
        given = self._given(headers.getlist("authorization"))
        is_handed_on = scope.get("http_version") == "1.0" or _forwarded(headers)
        from_here = is_loopback(_literal(scope.get("client"))) and not is_handed_on
        near = from_here and is_loopback(host) and scope["path"] not in _SIGNED
        right = max(given, Right.WATCH) if near else given
        needed = needed_right(scope["method"], scope["path"])
        if right < needed:
            raise _refusal(given, needed)
        return right

    def answers_to(self, host: str, scope: Scope) -> bool:
        """Tell whether a name is this service's; its own address is, as nobody can rebind that."""
        return (
            is_loopback(host)
            or host in self.allowed_hosts
            or host == _literal(scope.get("server"))
        )

    def _given(self, values: list[str]) -> Right:
        """Return what the token shown allows; a wrong one is refused even where none is needed."""
        if not values:
            return Right.NONE
        scheme, _, token = values[0].partition(" ")
        right = self.tokens.right(token.strip(" ")) if scheme.lower() == "bearer" else Right.NONE
        if len(values) > 1 or right is Right.NONE:
            raise _unauthorized("this token is not one of this service's")
        return right


def needed_right(method: str, path: str) -> Right:
    """Return what a request needs. What is unknown needs most."""
    watched = path.startswith(_WATCHED)
    if path in _SIGNED:
        return Right.WATCH
    if method in {"GET", "HEAD"} and path not in _SECRET:
        return Right.WATCH if watched else Right.NONE
    return Right.ACT if watched else Right.NONE


def _refusal(given: Right, needed: Right) -> NotDone:
    if given is Right.NONE:
        return _unauthorized("this needs a token: see the file token in the run's folder")
    assert needed is Right.ACT
    return NotDone(403, "this token only watches; an action needs the full one")


def _unauthorized(detail: str) -> NotDone:
    return NotDone(401, detail, {"WWW-Authenticate": 'Bearer realm="crowdcharge"'})


def host_name(place: str) -> str:
    """Return the name in `NAME:PORT` as the guard compares it; empty if there is none."""
    found = _HOST.fullmatch(place.lower())
    return found[1] if found else ""


def _literal(address: tuple[str, int] | None) -> str:
    """Return an address as a Host header has it."""
    if address is None:
        return ""
    text = address[0].removeprefix("::ffff:")
    return f"[{text}]" if ":" in text else text


def is_loopback(host: str) -> bool:
    """Tell whether a name or an address means this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _require_own_origin(headers: Headers) -> None:
    """Refuse what a page from elsewhere sends; programs that are no browser send no Origin."""
    for origin in headers.getlist("origin"):
        try:
            place = urlsplit(origin)
        except ValueError:
            place = urlsplit("")
        own = place.scheme in {"http", "https"} and place.netloc.lower() == headers["host"].lower()
        if not own:
            raise NotDone(403, "the request comes from a page of another origin")


def _require_small(headers: Headers) -> None:
    """Refuse a head that came whole in one piece, and a body by the length that it claims."""
    if sum(len(name) + len(value) for name, value in headers.raw) > HEAD_MAX:
        raise NotDone(431, f"a head has at most {HEAD_MAX} bytes", {"Connection": "close"})
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or len(length) > 18 or int(length) > BODY_MAX:
        raise too_large()


def too_large() -> NotDone:
    """Return the problem that also ends the connection, so that the rest is not read."""
    return NotDone(413, f"a body has at most {BODY_MAX} bytes", {"Connection": "close"})


def _forwarded(headers: Headers) -> bool:
    return any(name in headers for name in _FORWARDED)


class Guarded:
    """The application behind the guard: a refusal, a right in the scope, and safe headers."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safe(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY)
            await send(message)

        try:
            scope["state"] = {"right": self._guard.judge(scope)}
        except NotDone as refused:
            await refused.response()(scope, receive, send_safe)
        else:
            await self._app(scope, receive, send_safe)
