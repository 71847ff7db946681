# SPDX-License-Identifier: MIT
"""PURE: charging skip, or how many cord sessions two people who meet can spare each other.

A reconstruction after Dhungana, Arodz, Bulut, ICC 2018 and Ad Hoc Networks 2019: the problem, the
dynamic programme over pairs and the selfish and cooperative cases are theirs; their formulas
were not available. Levels are whole units of a grid, such as 1 % of the capacity. Use is rounded
up and what arrives over the link is rounded down, so a plan found here never runs a battery lower
than it says.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import floor

import numpy as np
from numpy.typing import NDArray

from crowdcharge.errors import InputError
from crowdcharge.policy.loss_aware import check_beta


@dataclass(frozen=True, slots=True)
class Cord:
    """A recorded session of user 0 or 1, which adds `gain` up to the maximum level if it is kept.

    `use` is what each of the two used since the event before, whether it is kept or skipped.
    """

    user: int
    gain: int
    use: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class PlannedMeeting:
    """A meeting at which the two can move up to `most` units (power x duration) either way."""

    most: int
    use: tuple[int, int] = (0, 0)


Event = Cord | PlannedMeeting
# Indices: sessions that 0 skipped, that 1 skipped, level of 0, level of 1. True = reachable.
States = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SkipPlan:
    """The sessions skipped by each user, and the choice made at each event.

    A choice is "skip" or "keep" for a cord, and for a meeting the units that user 0 sends; if they
    are negative, user 1 sends.
    """

    skips: tuple[int, int]
    choices: list[str | int] = field(default_factory=list)


def charging_skip(
    events: Sequence[Event],
    start: tuple[int, int],
    least: int,
    most: int,
    beta: float = 0.2,
    selfish: int | None = None,
) -> SkipPlan | None:
    """Find the plan with most skips; None if even keeping every session runs a user too low.

    By default the two cooperate: most skips together, then the more even split. With `selfish` =
    0 or 1 only that user skips, and the other helps without giving up a session. Levels stay in
    least..most. Raises InputError if the start levels do not.
    """
    check_beta(beta)
    if not 0 <= least <= min(start) <= max(start) <= most:
        raise InputError(f"start levels {start} must lie between {least} and {most}")
    stages = reachable_states(events, start, least, most, beta, selfish)
    skips = best_skips(stages[-1], selfish)
    if skips is None:
        return None
    level_0, level_1 = np.argwhere(stages[-1][skips])[0]
    choices = backtrack(events, stages, (*skips, int(level_0), int(level_1)), beta, selfish)
    return SkipPlan(skips, choices)


def reachable_states(
    events: Sequence[Event],
    start: tuple[int, int],
    least: int,
    most: int,
    beta: float,
    selfish: int | None,
) -> list[States]:
    """List the states that are reachable before the first event and after each one."""
    sessions = [sum(isinstance(e, Cord) and e.user == user for e in events) for user in (0, 1)]
    states = np.zeros((sessions[0] + 1, sessions[1] + 1, most + 1, most + 1), bool)
    states[0, 0, start[0], start[1]] = True
    stages = [states]
    for event in events:
        after = np.zeros_like(states)
        for _, move in moves(event, beta, selfish):
            after |= moved(stages[-1], event, move)
        after[:, :, :least] = False
        after[:, :, :, :least] = False
        stages.append(after)
    return stages


Move = tuple[tuple[int, int], tuple[int, int]]  # change of the skips and of the levels


def moves(event: Event, beta: float, selfish: int | None) -> Iterator[tuple[str | int, Move]]:
    """Yield each choice at an event with what it changes, before gains are cut at the maximum."""
    if isinstance(event, PlannedMeeting):
        for sent in range(-event.most, event.most + 1):
            got = floor((1 - beta) * abs(sent) + 1e-9)
            yield sent, ((0, 0), (-sent, got) if sent > 0 else (got, sent))
        return
    yield "keep", ((0, 0), (event.gain, 0) if event.user == 0 else (0, event.gain))
    if selfish in (None, event.user):
        yield "skip", ((1, 0) if event.user == 0 else (0, 1), (0, 0))


def moved(states: States, event: Event, move: Move) -> States:
    """Return the states after the use of the event and one move."""
    skips, levels = move
    for axis in (0, 1):
        states = shifted(states, axis, skips[axis], cut=False)
        states = shifted(states, axis + 2, -event.use[axis], cut=False)
        states = shifted(states, axis + 2, levels[axis], cut=isinstance(event, Cord))
    return states


def shifted(states: States, axis: int, by: int, *, cut: bool) -> States:
    """Move states along an axis; what leaves the range is lost, or with `cut` stays at the top."""
    if by == 0:
        return states
    size = states.shape[axis]
    source, out = np.moveaxis(states, axis, 0), np.zeros_like(states)
    target = np.moveaxis(out, axis, 0)
    if by > 0:
        by = min(by, size)
        target[by:] = source[: size - by]
        if cut:
            target[-1] |= source[size - by :].any(axis=0)
    elif -by < size:
        target[:by] = source[-by:]
    return out


def best_skips(final: States, selfish: int | None) -> tuple[int, int] | None:
    """Return the best reachable pair of skip counts, or None if no state is reachable."""
    options = [(int(a), int(b)) for a, b in np.argwhere(final.any(axis=(2, 3)))]
    if not options:
        return None
    if selfish is None:
        return max(options, key=lambda skips: (sum(skips), min(skips), skips))
    return max(options, key=lambda skips: skips[selfish])


def backtrack(
    events: Sequence[Event],
    stages: Sequence[States],
    end: tuple[int, int, int, int],
    beta: float,
    selfish: int | None,
) -> list[str | int]:
    """Find the choices that lead to `end`, from the last event to the first."""
    choices: list[str | int] = []
    for event, before in zip(reversed(events), reversed(stages[:-1]), strict=True):
        candidates = (
            (choice, state)
            for choice, move in sorted(moves(event, beta, selfish), key=effort)
            for state in sources(before, event, move, end)
        )
        choice, end = next(candidates)
        choices.append(choice)
    return choices[::-1]


def effort(option: tuple[str | int, Move]) -> int:
    """Rank an option by the energy it moves, so that of equal plans the smaller is found first."""
    return abs(option[0]) if isinstance(option[0], int) else 0


def sources(
    before: States, event: Event, move: Move, end: tuple[int, int, int, int]
) -> Iterator[tuple[int, int, int, int]]:
    """Yield the states that this move takes to `end`."""
    skips = (end[0] - move[0][0], end[1] - move[0][1])
    if min(skips) < 0:
        return
    for level_0, level_1 in np.argwhere(before[skips]):
        single = np.zeros_like(before)
        single[(*skips, level_0, level_1)] = True
        if moved(single, event, move)[end]:
            yield (*skips, int(level_0), int(level_1))
