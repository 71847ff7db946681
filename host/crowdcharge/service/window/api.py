# SPDX-License-Identifier: MIT
"""The interface /api/v1 as one table: the routes are made from it, and so is its document."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from crowdcharge.ledger.store import Store
from crowdcharge.service.window.classroom import classroom
from crowdcharge.service.window.fields import Field, Schema, body_values, text_values
from crowdcharge.service.window.guard import BODY_MAX, needed_right, too_large
from crowdcharge.service.window.hub import WindowHub
from crowdcharge.service.window.problems import MEDIA_TYPE, NotDone
from crowdcharge.service.window.redacted import redacted
from crowdcharge.service.window.schemas import many, named
from crowdcharge.service.window.tokens import Right
from wptcore.wire import BOARD_ID_MAX

ROOT = "/api/v1"
_BOARD_ID: Schema = {"type": "integer", "minimum": 1, "maximum": BOARD_ID_MAX, "examples": [1]}
_TRANSFER_ID: Schema = {
    "type": "integer", "minimum": 1, "maximum": 0xFFFFFFFF, "examples": [5],
}  # fmt: skip
_MANDATE: Schema = {
    "type": "string", "minLength": 120, "maxLength": 120, "examples": ["0a" * 60],
}  # fmt: skip
_ENERGY_J: Schema = {
    "type": "number", "exclusiveMinimum": 0, "maximum": 1_000_000, "examples": [7.5],
}  # fmt: skip
_OPTIONS: Schema = {
    "type": "object",
    "maxProperties": 32,
    "additionalProperties": {"type": ["string", "number", "boolean"]},
    "examples": [{"quantum_J": 8}],
}
_READERS = asyncio.Semaphore(2)  # of the ledger's file at once

Values = dict[str, Any]
Read = Callable[[WindowHub, Request, Values], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of the interface: a read has `read`, an action has the engine's name for it."""

    method: str
    path: str
    does: str
    answer: Schema
    read: Read | None = None
    action: str = ""
    in_path: tuple[Field, ...] = ()
    in_query: tuple[Field, ...] = ()
    in_body: tuple[Field, ...] = ()

    @property
    def needs_full_token(self) -> bool:
        return needed_right(self.method, ROOT + self.path) is Right.ACT


async def _boards(hub: WindowHub, _request: Request, _values: Values) -> Any:
    return hub.snapshot()["boards"]


async def _transfers(hub: WindowHub, _request: Request, _values: Values) -> Any:
    return hub.snapshot()["transfers"]


async def _contacts(hub: WindowHub, _request: Request, _values: Values) -> Any:
    pairs = {
        tuple(sorted((board["board_id"], other)))
        for board in hub.snapshot()["boards"]
        for other in board["contacts"]
    }
    return [{"boards": list(pair)} for pair in sorted(pairs)]


async def _snapshot(hub: WindowHub, _request: Request, values: Values) -> Any:
    return hub.snapshot(curves=bool(values["curves"]))


async def _policy(hub: WindowHub, _request: Request, _values: Values) -> Any:
    shown = hub.snapshot()
    return shown["run"]["policy"] | {"next": shown["next"], "names": hub.policies}


async def _config(hub: WindowHub, _request: Request, _values: Values) -> Any:
    return redacted(hub.config)


async def _access(_hub: WindowHub, request: Request, _values: Values) -> Any:
    right = request.state.right
    return {"watch": right >= Right.WATCH, "act": right >= Right.ACT}


async def _ledger(hub: WindowHub, _request: Request, values: Values) -> Any:
    """Read in a thread, a page at a time: the writer never waits for a reader."""
    if hub.ledger is None or not hub.ledger.exists():
        return {"rows": [], "next": None}

    limit = values["limit"]

    def page() -> list[Values]:
        assert hub.ledger is not None
        with Store.read(hub.ledger) as store:
            rows = store.rows(values["after"], limit + 1)  # one more tells whether there is more
            return [
                {"seq": row.seq, "kind": row.kind, "body": row.fields(), "hash": row.hash}
                for row in rows
            ]

    async with _READERS:
        rows = await asyncio.to_thread(page)
    return {"rows": rows[:limit], "next": rows[limit - 1]["seq"] if len(rows) > limit else None}


_BOARD = (Field("board_id", _BOARD_ID),)
_TRANSFER = (Field("transfer_id", _TRANSFER_ID),)
_PAGE = (
    Field("after", {"type": "integer", "minimum": 0, "examples": [0]}, default=0, required=False),
    Field(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": 1000, "examples": [100]},
        default=100,
        required=False,
    ),
)
_CURVES = Field(
    "curves",
    {"type": "integer", "minimum": 0, "maximum": 1, "examples": [1]},
    default=1,
    required=False,
)


def _name(example: str) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": 64, "examples": [example]}


_LIST_OF_TRANSFERS = many(named("Transfer"))
_ANY = named("Anything")


def _get(path: str, does: str, answer: Schema, read: Read, *query: Field) -> Operation:
    return Operation("GET", path, does, answer, read=read, in_query=query)


def _post(
    path: str, does: str, action: str, in_path: tuple[Field, ...] = (), *body: Field
) -> Operation:
    return Operation("POST", path, does, _ANY, action=action, in_path=in_path, in_body=body)


OPERATIONS = (
    _get("/boards", "Every board that was heard", many(named("Board")), _boards),
    _get("/transfers", "Those that run, and the newest ended", _LIST_OF_TRANSFERS, _transfers),
    _get("/contacts", "Which board rests on which", many(named("Contact")), _contacts),
    _get("/ledger", "Rows of the ledger after a number", named("Page"), _ledger, *_PAGE),
    _get("/policy", "The policy, and what it wants next", named("Policy"), _policy),
    _get("/config", "The run file as read, without keys and secrets", _ANY, _config),
    _get("/snapshot", "The whole picture of this moment", named("Snapshot"), _snapshot,
         _CURVES),
    _get("/access", "What the token shown allows", named("Access"), _access),
    _get("/classroom", "A link and a QR code for pupils who watch; needs the full token",
         named("Classroom"), classroom),
    _post("/pause", "Start no more transfers; those that run end by themselves", "pause"),
    _post("/resume", "Start transfers again", "resume"),
    _post("/stop", "End all transfers now, and pause", "stop"),
    _post("/settle", "Settle what can be settled now", "settle"),
    _post("/transfers/{transfer_id}/stop", "End one transfer now", "stop_transfer", _TRANSFER),
    _post("/boards/{board_id}/forbid", "Let a board take no part", "forbid", _BOARD),
    _post("/boards/{board_id}/allow", "Let it take part again", "allow", _BOARD),
    _post("/boards/{board_id}/acknowledge", "Clear a fault that the host may clear", "acknowledge",
          _BOARD, Field("fault", _name("LEASE_LOST"))),
    _post("/mandates", "Bring what an owner has signed to its board", "mandate", (),
          Field("signed", _MANDATE)),
    _post("/policy", "Change the policy", "policy", (), Field("name", _name("small-transfer")),
          Field("options", _OPTIONS, default={}, required=False)),
    _post("/transfers", "Ask for a transfer", "transfer", (), Field("ptx", _BOARD_ID),
          Field("prx", _BOARD_ID), Field("energy_J", _ENERGY_J)),
    _post("/seek", "Go to a moment of the past run that is replayed", "seek", (),
          Field("time_s", {"type": "number", "minimum": 0, "maximum": 1e11,
                           "examples": [1_790_000_000]})),
    _post("/play", "Replay at a speed; 0 stands still", "play", (),
          Field("speed", {"type": "number", "minimum": 0, "maximum": 1000,
                          "examples": [4]})),
)  # fmt: skip


def routes(hub: WindowHub) -> list[Route]:
    """Return a route for each path, with the operations of all its methods."""
    paths = dict.fromkeys(operation.path for operation in OPERATIONS)
    return [_route(hub, path) for path in paths]


def _route(hub: WindowHub, path: str) -> Route:
    found = {each.method: each for each in OPERATIONS if each.path == path}

    async def answer(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await _answer(hub, found[method], request)

    return Route(ROOT + path, answer, methods=list(found))


async def _answer(hub: WindowHub, operation: Operation, request: Request) -> Response:
    values = text_values(operation.in_path, request.path_params)
    if operation.read:
        values |= text_values(operation.in_query, request.query_params)
        return JSONResponse(await operation.read(hub, request, values), headers=_FRESH)
    values |= body_values(operation.in_body, await _json_body(request))
    status, body = await hub.act(operation.action, values)
    return JSONResponse(body, status, media_type=None if status < 400 else MEDIA_TYPE)


_FRESH = {"Cache-Control": "no-store"}


async def _json_body(request: Request) -> bytes:
    """Return a body of JSON, or of nothing, that is not too large."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX:
            raise too_large()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and kind != "application/json":
        raise NotDone(415, "a body must be application/json")
    return body
