# SPDX-License-Identifier: MIT
"""PURE: what a row says, to and from the JSON object that is its body.

The kinds' dataclasses are the only description of a body: a type hint says what is accepted.
"""

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from crowdcharge.ledger.kinds import KINDS, Content, Take

Body = dict[str, Any]
_BITS_MAX = 127  # a market's words are the widest numbers, 16 bytes with a sign
_CLASSES: tuple[type[Any], ...] = (*KINDS.values(), Take)
_HINTS = {each: get_type_hints(each) for each in _CLASSES}
_DEFAULTS = {
    each: {field.name: field.default for field in fields(each) if field.default is not MISSING}
    for each in _CLASSES
}
_T = TypeVar("_T", Content, Take)


def canonical(body: Mapping[str, Any]) -> str:
    """The one text of a body: keys in order, no spaces. TypeError for what is no JSON."""
    return json.dumps(
        body, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_take_body
    )


def body_of(content: Content | Take) -> Body:
    """The fields by name, without those that have their default."""
    values = {field.name: getattr(content, field.name) for field in fields(content)}
    for name, default in _DEFAULTS[type(content)].items():
        if values[name] == default:
            del values[name]
    return values


def parsed(of_kind: type[_T], body: Mapping[str, Any]) -> _T:
    """What a body says. ValueError names a field that is missing, unknown or of another type."""
    hints, defaults = _HINTS[of_kind], _DEFAULTS[of_kind]
    unknown = sorted(body.keys() - hints.keys())
    if unknown:
        raise ValueError(f"has an unknown field {unknown[0]!r}")
    missing = [name for name in hints if name not in body and name not in defaults]
    if missing:
        raise ValueError(f"lacks its {missing[0]}")
    return of_kind(**{name: _value(name, hints[name], value) for name, value in body.items()})


def _value(name: str, hint: Any, value: Any) -> Any:
    if get_origin(hint) is tuple:  # the takes of a market
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise ValueError(f"gives {name} that are no list of objects")
        return tuple(parsed(get_args(hint)[0], each) for each in value)
    if type(value) not in (get_args(hint) or (hint,)):  # a bool is no int here
        raise ValueError(f"gives {name} a wrong type")
    if isinstance(value, int) and value.bit_length() > _BITS_MAX:
        raise ValueError(f"gives {name} more than {_BITS_MAX} bits")
    return value


def _take_body(value: object) -> Body:
    if isinstance(value, Take):
        return body_of(value)
    raise TypeError(f"{value!r} is nothing that a row can say")
