# SPDX-License-Identifier: MIT
"""A link for pupils: the page, with the token that only watches.

The token stands in the fragment, which no browser sends: it is in no server's and no proxy's log.
"""

import io
from typing import Any

import segno
from starlette.requests import Request

from crowdcharge.service.window.guard import host_name, is_loopback
from crowdcharge.service.window.hub import WindowHub
from crowdcharge.service.window.problems import NotDone

_THIS_MACHINE_ONLY = (
    "pupils cannot open an address that means this machine only: start with --host 0.0.0.0 and "
    "open the page by this machine's address, or use a reverse proxy"
)


async def classroom(_hub: WindowHub, request: Request, _values: dict[str, Any]) -> dict[str, str]:
    """Return the link and its code, for the address at which the teacher has the page open."""
    place = request.headers["host"]
    if is_loopback(host_name(place)):
        raise NotDone(409, _THIS_MACHINE_ONLY)
    scheme = "https" if request.headers.get("x-forwarded-proto") == "https" else "http"
    watch = request.app.state.guard.tokens.watch
    link = f"{scheme}://{place}/#view={watch}"
    return {"link": link, "qr_svg": qr_svg(link)}


def qr_svg(text: str) -> str:
    """Return a code as SVG without style or script; it scales, and is black on white."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", border=4, dark="#000", light="#fff", xmldecl=False, omitsize=True,
        svgclass=None, lineclass=None, title=None,
    )  # fmt: skip
    return out.getvalue().decode()
