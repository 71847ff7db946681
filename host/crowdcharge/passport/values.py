# SPDX-License-Identifier: MIT
"""PURE: one value of a passport: how much, within what, how it came about, or why it is missing.

Values are whole numbers in units small enough for that, so that the text that is signed is the
same in every language.
"""

from dataclasses import dataclass

NAMESPACE = "urn:crowdcharge:passport:1:"
MEASURED, ESTIMATED, DECLARED = "measured", "estimated", "declared"


@dataclass(frozen=True, slots=True)
class Figure:
    """`low` and `high` bound about 95 %; None for what is counted, was declared by a
    person, or comes from a part whose error nobody knows.

    `value` None: the rows do not carry it, and `how` says why.
    """

    value: int | None
    unit: str
    mark: str | None
    how: str
    low: int | None = None
    high: int | None = None


def missing(unit: str, reason: str) -> Figure:
    return Figure(None, unit, None, reason)


def within(value: float, half: float, unit: str, mark: str, how: str) -> Figure:
    """Return a value with an interval of `half` to both sides; none of the three is below 0."""
    ends = (round(max(each, 0.0)) for each in (value, value - half, value + half))
    return Figure(next(ends), unit, mark, how, *ends)
