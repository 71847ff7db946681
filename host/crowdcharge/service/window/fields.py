# SPDX-License-Identifier: MIT
"""Values from outside, checked against the schema that the interface's document shows for them."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from crowdcharge.errors import InputError
from crowdcharge.files import parsed_json
from crowdcharge.service.window.problems import NotDone

Schema = dict[str, Any]
_WHOLE = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Field:
    """A value by its name; `default` of what may be left out."""

    name: str
    schema: Schema
    default: Any = None
    required: bool = True


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: dict[str, Callable[[Any], bool]] = {
    "integer": lambda value: _number(value) and value == int(value),
    "number": _number,
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
}
_LIMITS: dict[str, tuple[Callable[[Any, Any], bool], str]] = {
    "minimum": (lambda value, limit: value >= limit, "is below {}"),
    "exclusiveMinimum": (lambda value, limit: value > limit, "must be above {}"),
    "maximum": (lambda value, limit: value <= limit, "is above {}"),
    "minLength": (lambda value, limit: len(value) >= limit, "is too short"),
    "maxLength": (lambda value, limit: len(value) <= limit, "is longer than {} characters"),
    "maxProperties": (lambda value, limit: len(value) <= limit, "has more than {} entries"),
    "enum": (lambda value, limit: value in limit, "is none of {}"),
}


def checked(field: Field, value: Any) -> Any:
    """Return the value. NotDone 422 says what its schema has against it."""
    wanted = field.schema["type"]
    if not _TYPES[wanted](value):
        raise NotDone(422, f"{field.name} must be of the type {wanted}")
    for keyword, (holds, text) in _LIMITS.items():
        limit = field.schema.get(keyword)
        if limit is not None and not holds(value, limit):
            raise NotDone(422, f"{field.name} {text.format(limit)}")
    for each in value.values() if wanted == "object" else ():
        if not isinstance(each, str | int | float | bool):
            raise NotDone(422, f"{field.name} holds something that is no text, number or truth")
    return int(value) if wanted == "integer" else value


def body_values(fields: Iterable[Field], body: bytes) -> dict[str, Any]:
    """Return the values of a JSON body. NotDone if it is none, or holds what is not asked for."""
    wanted = {field.name: field for field in fields}
    given = _json_object(body)
    unknown = given.keys() - wanted.keys()
    if unknown:
        raise NotDone(422, f"{min(unknown)[:64]!r} is not known here")
    return {name: _of_body(field, given) for name, field in wanted.items()}


def _of_body(field: Field, given: Mapping[str, Any]) -> Any:
    if field.name in given:
        return checked(field, given[field.name])
    if field.required:
        raise NotDone(422, f"{field.name} is missing")
    return field.default


def _json_object(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        given = strict_json(body)
    except ValueError:
        raise NotDone(400, "the body is not JSON") from None
    if not isinstance(given, dict):
        raise NotDone(422, "the body must be a JSON object")
    return given


def strict_json(text: bytes) -> Any:
    """Return what a stranger's JSON holds. ValueError if anybody could read it in another way."""
    try:
        given = parsed_json(text.decode(json.detect_encoding(text), "surrogatepass"), "JSON")
        # NaN and 1e400 are no numbers of JSON, and \ud800 alone is no character.
        json.dumps(given, allow_nan=False, ensure_ascii=False).encode()
    except (InputError, RecursionError) as error:
        raise ValueError(str(error)) from None
    return given


def text_values(fields: Iterable[Field], given: Mapping[str, str]) -> dict[str, Any]:
    """Return values that come as text, in a path or a query; what nobody asked for is ignored."""
    return {
        field.name: _of_text(field, given[field.name]) if field.name in given else field.default
        for field in fields
    }


def _of_text(field: Field, text: str) -> Any:
    if field.schema["type"] != "integer":
        return checked(field, text)
    if not _WHOLE.fullmatch(text):
        raise NotDone(422, f"{field.name} is no whole number")
    return checked(field, int(text))
