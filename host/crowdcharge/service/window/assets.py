# SPDX-License-Identifier: MIT
"""The page's files: read and compressed once, so that no request touches the disk."""

import gzip
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response

from crowdcharge.service.window.problems import NotDone

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


PAGES = {"/": "index.html", "/owner": "owner.html"}


@dataclass(frozen=True, slots=True)
class Asset:
    data: bytes
    packed: bytes
    media_type: str
    tag: str


class Assets:
    """Every file of the page, by its path below /static."""

    def __init__(self) -> None:
        self._all = dict(_found(files("crowdcharge.service.window") / "page"))

    async def answer(self, request: Request) -> Response:
        """Answer a path of `PAGES` with that page, and `/static/PATH` with that file."""
        path = PAGES.get(request.url.path, request.path_params.get("path", ""))
        asset = self._all.get(path)
        if asset is None:
            raise NotDone(404, f"there is no file {path!r}")
        headers = {"ETag": asset.tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        known = request.headers.get("if-none-match", "")
        if asset.tag in known or known.strip() == "*":
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(asset.packed, headers=headers, media_type=asset.media_type)
        return Response(asset.data, headers=headers, media_type=asset.media_type)


def _found(folder: Traversable, prefix: str = "") -> list[tuple[str, Asset]]:
    """Return the files of a known kind; licences and notes are not served."""
    found: list[tuple[str, Asset]] = []
    if not folder.is_dir():
        return found
    for each in folder.iterdir():
        kind = _TYPES.get("." + each.name.rpartition(".")[2])
        if each.is_dir():
            found += _found(each, f"{prefix}{each.name}/")
        elif kind:
            data = each.read_bytes()
            tag = f'"{sha256(data).hexdigest()[:16]}"'
            found.append(
                (prefix + each.name, Asset(data, gzip.compress(data, mtime=0), kind, tag))
            )
    return found
