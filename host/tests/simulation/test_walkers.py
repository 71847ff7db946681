# SPDX-License-Identifier: MIT
"""Walkers' contacts against three others: another search, a dense sampling, and themselves."""

import hashlib
from math import sqrt

import numpy as np
import pytest

from crowdcharge.simulation import schedule
from crowdcharge.simulation.city.walkers import WALKS
from crowdcharge.simulation.contacts import CONTACT, Contact
from crowdcharge.simulation.mobility import RandomWaypoint
from crowdcharge.simulation.paths import legs_through, near_contacts

MASK = (1 << 64) - 1


def drawn(seed, walker, number):
    """SplitMix64 in whole numbers of Python, which never wrap by themselves."""

    def mix(x):
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
        return x ^ (x >> 31)

    golden = 0x9E3779B97F4A7C15
    start = int(schedule.stream(seed ^ WALKS))
    return (mix((mix((start + walker * golden) & MASK) + number * golden) & MASK) >> 11) / 2**53


def walked(model, n, end_s, seed):
    """Walk as the model says, and return the corners of every walk: agents, times, points."""
    rows = []
    for walker in range(n):
        x, y = (model.side_m * drawn(seed, walker, k) for k in (0, 1))
        now_s, leg = 0.0, 0
        rows.append((walker, now_s, x, y))
        while now_s <= end_s:
            draws = [drawn(seed, walker, 2 + 3 * leg + k) for k in range(3)]
            to_x, to_y = model.side_m * draws[0], model.side_m * draws[1]
            width = model.fastest_m_per_s - model.slowest_m_per_s
            speed = model.slowest_m_per_s + width * draws[2]
            now_s += sqrt((to_x - x) ** 2 + (to_y - y) ** 2) / speed
            x, y, leg = to_x, to_y, leg + 1
            rows.append((walker, now_s, x, y))
            if model.pause_s:
                now_s += model.pause_s
                rows.append((walker, now_s, x, y))
    table = np.array(rows)
    return table[:, 0].astype(int), table[:, 1], table[:, 2:]


MODELS = [
    RandomWaypoint(side_m=20, range_m=2),
    RandomWaypoint(side_m=15, range_m=1, pause_s=0),
    RandomWaypoint(side_m=40, range_m=1.5, pause_s=7, slowest_m_per_s=0.1, step_s=11),
]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("seed", range(3))
def test_contacts_are_those_of_another_search(model, seed):
    """`near_contacts` finds pairs by a tree and joins contacts by a tolerance of 1e-9 s."""
    legs = legs_through(*walked(model, 12, 900, seed))
    found, expected = (
        sorted(contacts, key=lambda each: (each.a, each.b, each.start_s))
        for contacts in (
            model.contacts(12, 900, seed),
            near_contacts(legs, model.range_m, 900, 5.0),
        )
    )
    assert len(found) == len(expected) > 20
    for one, other in zip(found, expected, strict=True):
        assert (one.a, one.b) == (other.a, other.b)
        assert one.start_s == pytest.approx(other.start_s, abs=1e-8)
        assert one.end_s == pytest.approx(other.end_s, abs=1e-8)


def places(model, n, end_s, seed, times_s):
    """Return where each walker is at each time (n, times, 2)."""
    agent, corner_s, points = walked(model, n, end_s, seed)
    made = np.empty((n, len(times_s), 2))
    for walker in range(n):
        mine = agent == walker
        for axis in range(2):
            made[walker, :, axis] = np.interp(times_s, corner_s[mine], points[mine, axis])
    return made


@pytest.mark.parametrize("model", MODELS)
def test_contacts_are_those_that_a_sample_every_20th_second_sees(model):
    n, end_s, step_s = 15, 600, 0.05
    times_s = np.arange(1, round(end_s / step_s)) * step_s + 0.0123
    here = places(model, n, end_s, 4, times_s)
    assert ((here >= 0) & (here <= model.side_m)).all()
    contacts, seen = list(model.contacts(n, end_s, 4)), 0
    for a in range(n):
        for b in range(a + 1, n):
            apart_m = np.hypot(*(here[a] - here[b]).T)
            mine = [c for c in contacts if (c.a, c.b) == (a, b)]
            told = np.zeros(len(times_s), bool)
            for contact in mine:
                told |= (contact.start_s <= times_s) & (times_s <= contact.end_s)
            sure = np.abs(apart_m - model.range_m) > 1e-9
            assert (told == (apart_m <= model.range_m))[sure].all()
            seen += int((np.diff(np.r_[0, told]) == 1).sum())
            ends = [each.end_s for each in mine]
            assert all(end < c.start_s for end, c in zip(ends, mine[1:], strict=False))
    assert seen > 50
    assert seen <= len(contacts) <= 1.2 * seen  # what is missing lasts less than a sample


def digest(parts):
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def test_threads_and_windows_change_no_bit():
    model = {"side_m": 60, "range_m": 1.5, "pause_s": 20}
    made = {
        digest(RandomWaypoint(**model, step_s=step_s).parts(300, 1500, 3, threads))
        for step_s, threads in [(None, 1), (5, 2), (5, 5), (0.7, 2), (33, 1)]
    }
    assert len(made) == 1


def test_a_block_of_a_large_crowd_is_small():
    """Each core keeps its blocks in memory several times; at 4000 walkers a square kilometre."""
    model = RandomWaypoint(side_m=5000)
    blocks = [len(block) for block in model.parts(100_000, 420, 1)]
    assert len(blocks) >= 3
    assert max(blocks) * CONTACT.itemsize < 4e6


def test_no_more_cells_than_walkers_are_made():
    """Three walkers in a country: a cell for each of their steps would take the memory."""
    assert list(RandomWaypoint(side_m=1e6).contacts(3, 3600, 0)) == []


def test_walkers_that_stand_near_are_in_contact_from_the_start_to_the_end():
    model = RandomWaypoint(side_m=0.5, range_m=1)
    assert list(model.contacts(3, 50, 0)) == [
        Contact(0, 50, 0, 1), Contact(0, 50, 0, 2), Contact(0, 50, 1, 2),
    ]  # fmt: skip
