# SPDX-License-Identifier: MIT
"""The routes put together, behind the guard."""

import sys
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from crowdcharge.errors import WptError
from crowdcharge.service.window import api
from crowdcharge.service.window.assets import PAGES, Assets
from crowdcharge.service.window.guard import Guard, Guarded
from crowdcharge.service.window.hub import WindowHub
from crowdcharge.service.window.openapi import document
from crowdcharge.service.window.problems import NotDone
from crowdcharge.service.window.stream import Broadcast

Metrics = Callable[[], Response]


def application(hub: WindowHub, guard: Guard, broadcast: Broadcast, metrics: Metrics) -> ASGIApp:
    """Return all of it as one ASGI application."""
    assets = Assets()
    described = document(str(hub.live.run.get("version", "")))

    async def openapi(_request: Request) -> Response:
        return JSONResponse(described)

    async def measured(_request: Request) -> Response:
        return metrics()

    async def alive(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_request: Request) -> Response:
        if why := hub.unready():
            raise NotDone(503, why)
        return JSONResponse({"status": "ready", "state": hub.live.run.get("state")})

    app = Starlette(
        routes=[
            *(Route(path, assets.answer) for path in PAGES),
            Route("/static/{path:path}", assets.answer),
            *api.routes(hub),
            Route(api.ROOT + "/events", broadcast.answer),
            Route(api.ROOT + "/openapi.json", openapi),
            Route("/metrics", measured),
            Route("/healthz", alive),
            Route("/readyz", ready),
        ],
        exception_handlers={
            NotDone: _not_done,
            ClientDisconnect: _gone,
            HTTPException: _not_found,
            WptError: _not_read,
            Exception: _fault_of_ours,
        },
    )
    app.router.redirect_slashes = False
    app.state.guard = guard
    return Guarded(app, guard)


async def _not_done(_request: Request, error: Exception) -> Response:
    assert isinstance(error, NotDone)
    return error.response()


async def _gone(_request: Request, _error: Exception) -> Response:
    """Answer nobody: the client left before its request was whole."""
    return NotDone(400, "the body did not come").response()


async def _not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = (
        f"there is no {request.method} here" if error.status_code == 405 else "nothing is here"
    )
    headers = dict(error.headers or {})
    return NotDone(error.status_code, detail, headers).response()


async def _not_read(_request: Request, error: Exception) -> Response:
    return NotDone(503, str(error)).response()


async def _fault_of_ours(request: Request, error: Exception) -> Response:
    """Say on stderr where it is; the client need not know."""
    print(f"window: a fault at {request.url.path}: {error!r}", file=sys.stderr)  # noqa: T201
    return NotDone(500, "a fault of this program; its log says where").response()
