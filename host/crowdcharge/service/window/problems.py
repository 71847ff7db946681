# SPDX-License-Identifier: MIT
"""Problem documents (RFC 9457): what a client reads when a request is not done."""

from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"


def problem(status: int, detail: str) -> dict[str, Any]:
    """Return the document; its title is the phrase of the status, so its type is about:blank."""
    title = HTTPStatus(status).phrase
    return {"type": "about:blank", "title": title, "status": status, "detail": detail}


class NotDone(Exception):
    """A request that is not done; `headers` go with the answer."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers

    def response(self) -> JSONResponse:
        return JSONResponse(
            problem(self.status, self.detail), self.status, self.headers, media_type=MEDIA_TYPE
        )
