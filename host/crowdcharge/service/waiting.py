# SPDX-License-Identifier: MIT
"""PURE: why a board does nothing now, in one sentence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides whether a board may take part."""

    has_key: bool
    is_lost: bool
    is_busy: bool
    is_forbidden: bool
    has_fault: bool
    state: str  # of the run
    is_ready: bool
    is_at_floor: bool
    floor_pct: int | None
    resume_pct: int | None
    contacts: Sequence[int]
    decision: str = ""  # the reason of the last one


# The first that applies is said; None: it does something, so it waits for nothing.
_REASONS: tuple[tuple[Callable[[Situation], bool], str | None], ...] = (
    (lambda now: not now.has_key, "There is no key for it here, so it can only be seen."),
    (lambda now: now.is_lost, "It is out of sight. Without word from here its coil goes off."),
    (lambda now: now.is_busy, None),
    (lambda now: now.has_fault, "A fault stands. It takes part again once that is cleared."),
    (lambda now: now.is_forbidden, "Somebody has taken it out of the run."),
    (lambda now: now.state == "stopped", "Everything was stopped."),
    (lambda now: now.state == "paused", "The run is paused."),
    (lambda now: not now.is_ready, "It is about to be asked for its charge and its receipts."),
    (
        lambda now: now.is_at_floor,
        "It is at its floor of {now.floor_pct} %. It gives again from {now.resume_pct} %.",
    ),
    (lambda now: not now.contacts, "It rests on no other board."),
    (lambda now: bool(now.decision), "{now.decision}"),
)
_IDLE = "The policy wants nothing from it now."


def waits(now: Situation) -> str | None:
    """Return the sentence, or None for a board that is at work."""
    found = next((text for applies, text in _REASONS if applies(now)), _IDLE)
    return found and found.format(now=now)
