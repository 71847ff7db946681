# SPDX-License-Identifier: MIT
"""PURE: can a donor of one profile charge a receiver of another, how, and why not?

A pair exchanges by what both speak; where they speak several technologies, by the one with the
most power. A power or an efficiency that no source gives stays unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from crowdcharge.profiles.profile import Profile

_DONOR_RULES: dict[str, str | dict[bool, str]] = {
    "donor_floor_pct": "gives down to {} %",
    "gives_on_cable": {True: "gives on a cable too", False: "does not give on a cable"},
    "battery_min_C": "battery above {} C",
    "battery_max_C": "battery below {} C",
    "battery_resume_C": "goes on at {} C",
    "ping_timeout_s": "waits {} s for a receiver",
    "no_load_timeout_s": "ends after {} s without load",
    "full_power_from_pct": "full power from {} %",
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """`by`: the technology that both speak; `efficiency`: the middle of the published range."""

    donor: str
    receiver: str
    possible: bool
    by: str | None
    power_mW: int | None
    efficiency: float | None
    reason: str


def exchange(donor: Profile, receiver: Profile, profiles: Mapping[str, Profile]) -> Exchange:
    """`profiles` are all that the two may refer to."""
    gives, takes = speaks(donor, "donor"), speaks(receiver, "receiver")
    if not gives or not takes:
        who, what = (donor, "gives") if not gives else (receiver, "takes")
        return _impossible(donor, receiver, f"{who.title} {what} nothing over the air")
    common = [profiles[name] for name in gives if name in takes]
    if not common:
        why = _apart(profiles[gives[0]], profiles[takes[0]])
        return _impossible(donor, receiver, why)
    by = max(common, key=lambda each: each.get("transmits_mW") or 0)
    power_mW = _least(by.get("transmits_mW"), by.get("receives_mW"), donor.get("gives_mW"))
    if donor.kind == "donor" and donor.get("gives_mW") is None:
        power_mW = None  # what the coil may send at most is not what the phone gives
    return Exchange(
        donor.name,
        receiver.name,
        True,
        by.name,
        power_mW,
        _middle(by.get("efficiency_pct")),
        f"both speak {by.title}" + _rules(donor),
    )


def every_pair(profiles: Mapping[str, Profile]) -> list[Exchange]:
    """All donors with all receivers, in the order of the profiles."""
    donors = [each for each in profiles.values() if speaks(each, "donor")]
    receivers = [each for each in profiles.values() if speaks(each, "receiver")]
    return [exchange(donor, receiver, profiles) for donor in donors for receiver in receivers]


def speaks(profile: Profile, role: str) -> list[str]:
    """Return the technologies in which a profile can be `donor` or `receiver` of a pair."""
    if profile.kind == "donor":
        return [profile.get("technology")]
    if profile.kind == "bridge" and role == "receiver":
        return list(profile.get("receives") or [])
    return list(profile.get("speaks") or [])


def _apart(gives: Profile, takes: Profile) -> str:
    """Name the first thing in which two technologies differ, in words."""
    words = {
        "coupling": "couples by {0} coils, {3} by {1} ones",
        "frequency_kHz": "runs at {0} kHz, {3} at {1} kHz",
        "control": "is controlled by {0}, {3} by {1}",
    }
    for key, text in words.items():
        mine, yours = gives.get(key), takes.get(key)
        if mine != yours and mine is not None and yours is not None:
            said = text.format(_shown(mine), _shown(yours), gives.title, takes.title)
            return f"{gives.title} {said}"
    return f"{gives.title} and {takes.title} have no profile in common"


def _shown(value: object) -> str:
    if isinstance(value, list):
        return str(value[0]) if value[0] == value[-1] else f"{value[0]} to {value[-1]}"
    return str(value)


def _rules(donor: Profile) -> str:
    """Tell all that is known of a phone's own rules."""
    said = [
        words.format(value) if isinstance(words, str) else words[value]
        for key, words in _DONOR_RULES.items()
        if (value := donor.get(key)) is not None
    ]
    return "".join(f"; {each}" for each in said)


def _impossible(donor: Profile, receiver: Profile, reason: str) -> Exchange:
    return Exchange(donor.name, receiver.name, False, None, None, None, reason)


def _least(*powers_mW: int | None) -> int | None:
    stated = [power_mW for power_mW in powers_mW if power_mW is not None]
    return min(stated) if stated else None


def _middle(range_pct: list[int] | None) -> float | None:
    return sum(range_pct) / len(range_pct) / 100 if range_pct else None
