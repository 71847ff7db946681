# SPDX-License-Identifier: MIT
"""Random-waypoint walkers and the exact times at which two of them are near, compiled.

A walk is a function of (seed, walker): its targets and speeds are hashed draws, so nothing of it
is stored but where each walker is now. A step is a straight part of it, on the way to a target or
at rest there. Two walkers are in contact while their distance is at most the range; within two
steps the square of the distance is a parabola, and its roots are the contact's times.

Whether a pair is near where one step ends and the next begins is computed from the same numbers
on both sides, so rounding neither loses a contact there nor splits one. The windows of time only
find the pairs that can meet.
"""

from math import sqrt
from typing import Any

import numpy as np

from crowdcharge.simulation.city.jit import jit
from crowdcharge.simulation.schedule import GOLDEN, MIX_1, MIX_2

S11, S27, S30, S31 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31)
UNIT = 2.0**-53
DRAWS = 3  # of a leg: where to (two), and how fast
BEFORE = 1 - 2.0**-53  # a time just before another

STEP = np.dtype(
    [
        ("leg", np.int64), ("moves", np.int64), ("start_s", "f8"), ("end_s", "f8"), ("x_m", "f8"),
        ("y_m", "f8"), ("vx", "f8"), ("vy", "f8"), ("to_x_m", "f8"), ("to_y_m", "f8"),
    ]
)  # fmt: skip


@jit
def uniform(stream: Any, walker: Any, number: Any) -> Any:
    """Draw from [0, 1): SplitMix64's output function over walker and number."""
    x = stream + np.uint64(walker) * GOLDEN
    for turn in range(2):
        if turn:
            x += np.uint64(number) * GOLDEN
        x = (x ^ (x >> S30)) * MIX_1
        x = (x ^ (x >> S27)) * MIX_2
        x = x ^ (x >> S31)
    return np.float64(x >> S11) * UNIT


@jit
def first_step(model: Any, stream: Any, walker: Any) -> Any:
    x_m = model.side_m * uniform(stream, walker, 0)
    y_m = model.side_m * uniform(stream, walker, 1)
    return leg(model, stream, walker, 0, 0.0, x_m, y_m)


@jit
def leg(model: Any, stream: Any, walker: Any, number: Any, now_s: Any, x_m: Any, y_m: Any) -> Any:
    draw = 2 + DRAWS * number
    to_x_m = model.side_m * uniform(stream, walker, draw)
    to_y_m = model.side_m * uniform(stream, walker, draw + 1)
    width = model.fastest_m_per_s - model.slowest_m_per_s
    speed = model.slowest_m_per_s + width * uniform(stream, walker, draw + 2)
    dx, dy = to_x_m - x_m, to_y_m - y_m
    lasts_s = sqrt(dx * dx + dy * dy) / speed
    over_s = 1 / lasts_s if lasts_s > 0 else 0.0
    return number, 1, now_s, now_s + lasts_s, x_m, y_m, dx * over_s, dy * over_s, to_x_m, to_y_m


@jit
def next_step(model: Any, stream: Any, walker: Any, step: Any) -> Any:
    number, moves, _, end_s, _, _, _, _, x_m, y_m = step
    if moves and model.pause_s > 0:
        return number, 0, end_s, end_s + model.pause_s, x_m, y_m, 0.0, 0.0, x_m, y_m
    return leg(model, stream, walker, number + 1, end_s, x_m, y_m)


@jit
def step_at(model: Any, stream: Any, walker: Any, step: Any, time_s: Any) -> Any:
    """Return the step that contains a time, at or after the given one."""
    while step[3] <= time_s:
        step = next_step(model, stream, walker, step)
    return step


@jit
def place(step: Any, time_s: Any) -> Any:
    """Return where the walker is; at the end of a step, just where the next one begins."""
    if time_s == step[3]:
        return step[8], step[9]
    passed_s = time_s - step[2]
    return step[4] + step[6] * passed_s, step[5] + step[7] * passed_s


@jit
def load(steps: Any, k: Any) -> Any:
    s = steps[k]
    return (
        s.leg, s.moves, s.start_s, s.end_s, s.x_m, s.y_m, s.vx, s.vy, s.to_x_m, s.to_y_m,
    )  # fmt: skip


@jit
def keep(steps: Any, k: Any, step: Any) -> None:
    s = steps[k]
    s.leg, s.moves, s.start_s, s.end_s, s.x_m = step[0], step[1], step[2], step[3], step[4]
    s.y_m, s.vx, s.vy, s.to_x_m, s.to_y_m = step[5], step[6], step[7], step[8], step[9]


@jit
def begin(model: Any, stream: Any, steps: Any) -> None:
    for k in range(len(steps)):
        keep(steps, k, first_step(model, stream, k))


# Two walkers.


@jit
def near(model: Any, a: Any, b: Any, time_s: Any) -> Any:
    ax_m, ay_m = place(a, time_s)
    bx_m, by_m = place(b, time_s)
    dx, dy = bx_m - ax_m, by_m - ay_m
    return dx * dx + dy * dy <= model.range_m * model.range_m


@jit
def roots(model: Any, a: Any, b: Any, since_s: Any) -> Any:
    """Return when the two steps come near and part: |d + v t|**2 = range**2; NaN for never."""
    ax_m, ay_m = place(a, since_s)
    bx_m, by_m = place(b, since_s)
    dx, dy, vx, vy = bx_m - ax_m, by_m - ay_m, b[6] - a[6], b[7] - a[7]
    square, middle = vx * vx + vy * vy, dx * vx + dy * vy
    inside = middle * middle - square * (dx * dx + dy * dy - model.range_m * model.range_m)
    if square == 0 or inside < 0:
        return np.nan, np.nan
    root = sqrt(inside)
    return since_s + (-middle - root) / square, since_s + (-middle + root) / square


@jit
def parts_at(model: Any, stream: Any, a: Any, b: Any, step_a: Any, step_b: Any, now_s: Any) -> Any:
    """Return when the contact ends that these two have at `now_s`, at the latest the run's end."""
    while True:
        start_s, end_s = max(step_a[2], step_b[2]), min(step_a[3], step_b[3])
        if not near(model, step_a, step_b, end_s):
            leave_s = roots(model, step_a, step_b, start_s)[1]
            if not leave_s >= now_s:  # NaN too: they touched, within rounding
                leave_s = max(now_s, start_s)
            return min(leave_s, end_s, model.end_s)
        if end_s >= model.end_s:
            return model.end_s
        if step_a[3] == end_s:
            step_a = next_step(model, stream, a, step_a)
        if step_b[3] == end_s:
            step_b = next_step(model, stream, b, step_b)


@jit
def comes_near(model: Any, a: Any, b: Any) -> Any:
    """Return when in these two steps the contact begins; NaN if none begins in them."""
    start_s, end_s = max(a[2], b[2]), min(a[3], b[3])
    if near(model, a, b, start_s):
        return 0.0 if start_s == 0 else np.nan
    begins_s, leaves_s = roots(model, a, b, start_s)
    if near(model, a, b, end_s):
        return max(begins_s, start_s) if begins_s < end_s else end_s * BEFORE
    return max(begins_s, start_s) if begins_s < end_s and leaves_s > start_s else np.nan


@jit
def meet(
    model: Any, stream: Any, a: Any, b: Any, steps: Any, low_s: Any, high_s: Any, found: Any,
    count: Any,
) -> Any:  # fmt: skip
    """Append the contacts of two walkers that begin in [low_s, high_s); return the new count.

    A count past the end of `found` says that it is too short.
    """
    step_a, step_b = load(steps, a), load(steps, b)
    while True:
        end_s = min(step_a[3], step_b[3])
        begins_s = comes_near(model, step_a, step_b)
        if low_s <= begins_s < high_s:
            over_s = parts_at(model, stream, a, b, step_a, step_b, begins_s)
            if over_s > begins_s:
                if count < len(found):
                    contact = found[count]
                    contact.start_s, contact.end_s = begins_s, over_s
                    contact.a, contact.b = min(a, b), max(a, b)
                count += 1
        if end_s >= high_s:
            return count
        if step_a[3] == end_s:
            step_a = next_step(model, stream, a, step_a)
        if step_b[3] == end_s:
            step_b = next_step(model, stream, b, step_b)


# All walkers, in one window of time.


@jit
def look(model: Any, stream: Any, steps: Any, grid: Any, low_s: Any, high_s: Any) -> None:
    """Bring all walkers to the window, and sort what the search needs of them into cells."""
    n, wide = len(steps), grid.wide[0]
    middle_s, half_s = (low_s + high_s) / 2, (high_s - low_s) / 2
    cell_m = grid.cell_m[0]
    grid.first[:] = 0
    for k in range(n):
        if steps[k].end_s <= low_s:
            keep(steps, k, step_at(model, stream, k, load(steps, k), low_s))
        step = load(steps, k)
        seen = grid.unsorted[k]
        if step[3] >= high_s:
            seen.vx, seen.vy = step[6], step[7]
            seen.reach_m = half_s * sqrt(step[6] * step[6] + step[7] * step[7])
        else:  # it turns: wherever it goes, it is no faster than the fastest
            seen.vx = seen.vy = np.nan
            seen.reach_m = half_s * model.fastest_m_per_s
            step = step_at(model, stream, k, step, middle_s)
        seen.x_m, seen.y_m = place(step, middle_s)
        seen.walker = k
        seen.cell = (1 + int(seen.y_m / cell_m)) * wide + 1 + int(seen.x_m / cell_m)
        grid.first[seen.cell + 1] += 1
    for cell in range(1, len(grid.first)):
        grid.first[cell] += grid.first[cell - 1]
    for k in range(n - 1, -1, -1):
        cell = grid.unsorted[k].cell
        grid.first[cell + 1] -= 1
        grid.sorted[grid.first[cell + 1]] = grid.unsorted[k]


@jit
def may_meet(one: Any, other: Any, range_m: Any, half_s: Any) -> Any:
    """Say whether two walkers can be near in the window; only "no" is certain."""
    dx, dy = other.x_m - one.x_m, other.y_m - one.y_m
    most_m = (range_m + one.reach_m + other.reach_m) * (1 + 1e-9)
    apart = dx * dx + dy * dy
    if apart > most_m * most_m:
        return False
    vx, vy = other.vx - one.vx, other.vy - one.vy
    square = vx * vx + vy * vy
    if not square > 0:  # NaN: one of them turns
        return True
    time_s = min(max(-(dx * vx + dy * vy) / square, -half_s), half_s)
    dx, dy = dx + vx * time_s, dy + vy * time_s
    return dx * dx + dy * dy <= range_m * range_m * (1 + 1e-9) + 1e-12


@jit
def search(
    model: Any, stream: Any, steps: Any, grid: Any, low_s: Any, high_s: Any, found: Any
) -> Any:
    """Find the contacts that begin in the window that `look` looked at; return their number.

    If that is more than `found` takes, `found` is not complete.
    """
    count, half_s, wide = 0, (high_s - low_s) / 2, grid.wide[0]
    for k in range(len(steps)):
        one = grid.sorted[k]
        # Its own cell from itself on and the cell to the right; then the three cells below.
        for row in range(2):
            cell = one.cell + row * (wide - 1)
            start = grid.first[cell + 1] if row else k + 1
            for m in range(start, grid.first[cell + 3 if not row else cell + 4]):
                other = grid.sorted[m]
                if may_meet(one, other, model.range_m, half_s):
                    count = meet(
                        model, stream, one.walker, other.walker, steps, low_s, high_s, found, count
                    )
    return count
