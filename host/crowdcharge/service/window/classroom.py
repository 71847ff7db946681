# SPDX-License-Identifier: MIT
"""A link for pupils: the page, with the token that only watches.

The token stands in the fragment, which no browser sends: it is in no server's and no proxy's log.
"""

import io
import re
from typing import Any

import segno
from starlette.requests import Request

from crowdcharge.service.window.guard import Guard, host_name, is_loopback
from crowdcharge.service.window.hub import WindowHub
from crowdcharge.service.window.problems import NotDone

_ORIGIN = re.compile(r"https?://([^/?#@\s]+)")
_THIS_MACHINE_ONLY = (
    "pupils cannot open an address that means this machine only: start with --host 0.0.0.0 and "
    "open the page by this machine's address, or use a reverse proxy"
)


async def classroom(_hub: WindowHub, request: Request, values: dict[str, Any]) -> dict[str, str]:
    """Return the link and its code, for the address at which the teacher has the page open."""
    guard: Guard = request.app.state.guard
    origin = values["origin"] or f"{request.url.scheme}://{request.headers['host']}"
    found = _ORIGIN.fullmatch(origin)
    host = host_name(found[1]) if found else ""
    if not host:
        raise NotDone(422, "origin is no address of a page, like https://bench.example.org")
    if is_loopback(host):
        raise NotDone(409, _THIS_MACHINE_ONLY)
    if not guard.answers_to(host, request.scope):
        raise NotDone(422, f"this service does not answer to the name {host!r}")
    link = f"{origin}/#view={guard.tokens.watch}"
    return {"link": link, "qr_svg": qr_svg(link)}


def qr_svg(text: str) -> str:
    """Return a code as SVG without style or script; it scales, and is black on white."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", border=4, dark="#000", light="#fff", xmldecl=False, omitsize=True,
        svgclass=None, lineclass=None, title=None,
    )  # fmt: skip
    return out.getvalue().decode()
