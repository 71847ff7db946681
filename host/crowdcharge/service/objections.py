# SPDX-License-Identifier: MIT
"""PURE: why an action was not carried out, as a problem document (RFC 9457)."""

from http import HTTPStatus
from typing import Any

from crowdcharge.errors import WptError


class Objection(WptError):
    """An action that is refused; `more` are further members of the document."""

    def __init__(self, status: HTTPStatus, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.more = more

    def answer(self) -> tuple[int, dict[str, Any]]:
        return self.status, self.document()

    def document(self) -> dict[str, Any]:
        known = {"type": "about:blank", "title": self.status.phrase, "status": int(self.status)}
        return {**known, "detail": str(self), **self.more}
