# SPDX-License-Identifier: MIT
"""What each value of a profile must be; units as the keys say."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a value must be, in words and as a test."""

    words: str
    fits: Callable[[Any], bool]


def _whole(least: int, most: int) -> Wanted:
    return Wanted(
        f"a whole number from {least} to {most}",
        lambda value: type(value) is int and least <= value <= most,
    )


def _span(least: int, most: int) -> Wanted:
    end = _whole(least, most)
    return Wanted(
        f"the lower and the upper end, whole numbers from {least} to {most}",
        lambda value: (
            type(value) is list and len(value) == 2
            and all(map(end.fits, value)) and value[0] <= value[1]
        ),
    )  # fmt: skip


def _is_text(value: Any) -> bool:
    return type(value) is str and bool(value)


_TEXT = Wanted("a text", _is_text)
_NAMES = Wanted(
    "a list of names",
    lambda value: type(value) is list and bool(value) and all(map(_is_text, value)),
)
_YES_NO = Wanted("true or false", lambda value: type(value) is bool)
_POWER_mW, _SHARE_pct = _whole(1, 1_000_000), _whole(0, 100)
_HEAT_C, _TIME_s = _whole(-50, 100), _whole(1, 100_000)

KEYS: dict[str, dict[str, Wanted]] = {
    "technology": {
        "coupling": _TEXT, "frequency_kHz": _span(1, 1_000_000), "control": _TEXT,
        "transmits_mW": _POWER_mW, "receives_mW": _POWER_mW, "receivers_max": _whole(1, 100),
        "efficiency_pct": _span(1, 100), "speaks": _NAMES,
    },
    "donor": {
        "technology": _TEXT, "gives_mW": _POWER_mW, "donor_floor_pct": _SHARE_pct,
        "gives_on_cable": _YES_NO, "battery_min_C": _HEAT_C, "battery_max_C": _HEAT_C,
        "battery_resume_C": _HEAT_C, "ping_timeout_s": _TIME_s, "no_load_timeout_s": _TIME_s,
        "full_power_from_pct": _SHARE_pct,
    },
    "bridge": {
        "receives": _NAMES, "speaks": _NAMES, "gives": _TEXT, "efficiency_pct": _span(1, 100),
    },
}  # fmt: skip
