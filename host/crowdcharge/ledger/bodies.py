# SPDX-License-Identifier: MIT
"""PURE: what a row says, to and from the JSON object that is its body.

The kinds' dataclasses are the only description of a body: a type hint says what is accepted.
"""

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar, get_args, get_type_hints

from crowdcharge.ledger.kinds import KINDS, Content, MarketTake

Body = dict[str, Any]
_BITS_MAX = 127  # a market's words are the widest numbers, 16 bytes with a sign
_CLASSES: tuple[type[Any], ...] = (*KINDS.values(), MarketTake)
_TYPES = {
    each: {name: get_args(hint) or (hint,) for name, hint in get_type_hints(each).items()}
    for each in _CLASSES
}
_DEFAULTS = {
    each: {field.name: field.default for field in fields(each) if field.default is not MISSING}
    for each in _CLASSES
}
_T = TypeVar("_T", Content, MarketTake)


def canonical(body: Mapping[str, Any]) -> str:
    """Return the one text of a body: keys in order, no spaces; TypeError for what is no JSON."""
    return json.dumps(
        body, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_take_body
    )


def body_of(content: Content | MarketTake) -> Body:
    """Return the fields by name, without those that have their default."""
    values = {field.name: getattr(content, field.name) for field in fields(content)}
    for name, default in _DEFAULTS[type(content)].items():
        if values[name] == default:
            del values[name]
    return values


def parsed(of_kind: type[_T], body: Mapping[str, Any]) -> _T:
    """Return what a body says; ValueError names a field that is missing, unknown or mistyped."""
    types = _TYPES[of_kind]
    if body.keys() != types.keys():
        _require_fields(of_kind, body)
    for name, default in _DEFAULTS[of_kind].items():
        if body.get(name, ...) == default:
            raise ValueError(f"gives {name}, which is left out while it is {json.dumps(default)}")
    return of_kind(**{name: _value(name, types[name], value) for name, value in body.items()})


def _require_fields(of_kind: type[Any], body: Mapping[str, Any]) -> None:
    unknown = sorted(body.keys() - _TYPES[of_kind].keys())
    if unknown:
        raise ValueError(f"has an unknown field {unknown[0]!r}")
    missing = sorted(_TYPES[of_kind].keys() - _DEFAULTS[of_kind].keys() - body.keys())
    if missing:
        raise ValueError(f"lacks its {missing[0]}")


def _value(name: str, types: tuple[Any, ...], value: Any) -> Any:
    if type(value) in types:  # a bool is no int here
        if isinstance(value, int) and value.bit_length() > _BITS_MAX:
            raise ValueError(f"gives {name} more than {_BITS_MAX} bits")
        return value
    if MarketTake not in types:
        raise ValueError(f"gives {name} a wrong type")
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise ValueError(f"gives {name} that are no list of objects")
    return tuple(parsed(MarketTake, each) for each in value)


def _take_body(value: object) -> Body:
    if isinstance(value, MarketTake):
        return body_of(value)
    raise TypeError(f"{value!r} is nothing that a row can say")
