# SPDX-License-Identifier: MIT
"""The OpenAPI 3.1 document, made from the table of operations that also makes the routes.

What is no operation of that table (events, health, metrics) stands beside it here.
"""

import re
from typing import Any, NamedTuple

from crowdcharge.service.window.api import OPERATIONS, ROOT, Operation
from crowdcharge.service.window.examples import EVENTS, EXAMPLES, METRICS
from crowdcharge.service.window.fields import Field, Schema
from crowdcharge.service.window.problems import MEDIA_TYPE
from crowdcharge.service.window.schemas import SCHEMAS, named

_REFUSALS = {
    "400": "Not understood",
    "401": "No token, or a wrong one",
    "403": "The token does not allow this, or another page sent it",
    "404": "No such board or transfer",
    "405": "Another method",
    "409": "Not possible in this state",
    "413": "Too large",
    "415": "Not JSON",
    "421": "Not a name of this service",
    "422": "A value is not allowed",
    "431": "A head too large",
    "429": "Too many actions at once",
    "503": "Not now: too many streams, or the ledger cannot be read",
    "504": "The orchestrator does not answer",
}


def document(version: str) -> dict[str, Any]:
    """Return the document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        described = _described(operation)
        paths.setdefault(ROOT + operation.path, {})[operation.method.lower()] = described
    paths |= {each.path: {"get": _described_beside(each)} for each in _BESIDE}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "crowdcharge",
            "version": version,
            "description": "See and steer a crowd of boards that charge each other.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": {
                name: {**schema, "examples": [EXAMPLES[name]]} for name, schema in SCHEMAS.items()
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


class _Beside(NamedTuple):
    """A read that is no operation of the table."""

    path: str
    does: str
    kind: str
    schema: Schema
    example: Any
    in_query: tuple[Field, ...] = ()


_WHOLE: Schema = {"type": "integer", "minimum": 0, "examples": [5]}
_JSON, _TEXT = "application/json", {"type": "string"}
_STATUS = {"type": "object", "required": ["status"], "properties": {"status": _TEXT}}
_BESIDE = (
    _Beside(f"{ROOT}/events", "What happens, as server-sent events: after a number, or the last",
            "text/event-stream", _TEXT, EVENTS,
            (Field("after", _WHOLE, required=False), Field("last", _WHOLE, required=False))),
    _Beside("/healthz", "Whether the window runs", _JSON, _STATUS, {"status": "ok"}),
    _Beside("/readyz", "Whether the orchestrator speaks, and ledger and radio work", _JSON,
            _STATUS, {"status": "ready", "state": "running"}),
    _Beside("/metrics", "Metrics for Prometheus", "text/plain", _TEXT, METRICS),
)  # fmt: skip


def _described_beside(each: _Beside) -> dict[str, Any]:
    return {
        "operationId": "get_" + each.path.rpartition("/")[2],
        "summary": each.does,
        "parameters": [_parameter(field, "query") for field in each.in_query],
        "responses": _responses({each.kind: {"schema": each.schema, "example": each.example}}),
    }


def _described(operation: Operation) -> dict[str, Any]:
    words = re.findall(r"[a-z]+", operation.path)
    described: dict[str, Any] = {
        "operationId": "_".join([operation.method.lower(), *words]),
        "summary": operation.does,
        "parameters": [
            *(_parameter(each, "path") for each in operation.in_path),
            *(_parameter(each, "query") for each in operation.in_query),
        ],
        "responses": _responses(_content(operation.answer)),
    }
    if operation.needs_full_token:
        described["security"] = [{"token": []}]
    if operation.action:
        begun = {"description": "Begun; events tell", "content": _content(operation.answer)}
        described["responses"]["202"] = begun
        described["requestBody"] = {
            "required": any(each.required for each in operation.in_body),
            "content": _content(_body(operation.in_body)),
        }
    return described


def _responses(content: dict[str, Any]) -> dict[str, Any]:
    refused = {status: _refused(text) for status, text in _REFUSALS.items()}
    return {"200": {"description": "Done", "content": content}, **refused}


def _parameter(field: Field, place: str) -> dict[str, Any]:
    required = field.required or place == "path"
    return {"name": field.name, "in": place, "required": required, "schema": field.schema}


def _body(fields: tuple[Field, ...]) -> Schema:
    return {
        "examples": [{each.name: each.schema["examples"][0] for each in fields}],
        "type": "object",
        "properties": {each.name: each.schema for each in fields},
        "required": [each.name for each in fields if each.required],
        "additionalProperties": False,
    }


def _content(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _refused(text: str) -> dict[str, Any]:
    return {"description": text, "content": {MEDIA_TYPE: {"schema": named("Problem")}}}
