# SPDX-License-Identifier: MIT
"""Numbers that a caller gives, of Python or of NumPy, as plain ones."""

from operator import index
from typing import SupportsFloat, SupportsIndex

from crowdcharge.errors import InputError
from crowdcharge.escaping import shown


def whole(name: str, value: SupportsIndex) -> int:
    """Return the whole number; InputError if it is none."""
    try:
        return index(value)
    except TypeError:
        raise InputError(f"{name} must be a whole number, not {shown(value)}") from None


def real(name: str, value: SupportsFloat) -> float:
    """Return the number; InputError if it is none, or a text."""
    try:
        if not isinstance(value, str):
            return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise InputError(f"{name} must be a number, not {shown(value)}")
