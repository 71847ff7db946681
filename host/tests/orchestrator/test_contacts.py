# SPDX-License-Identifier: MIT
"""Who meets whom when: schedules that repeat, and pairs that are told."""

import asyncio

from crowdcharge.orchestrator.contacts import ContactSchedule, Meeting, Present

CYCLE = ContactSchedule(10.0, (((1, 2), (3, 4)), (), ((2, 3),)))


def test_a_cycle_comes_back_with_new_meetings():
    assert CYCLE.at(0.0) == [Meeting(1, 2, 0, 10.0), Meeting(3, 4, 0, 10.0)]
    assert CYCLE.at(9.99)[0].number == 0
    assert CYCLE.at(10.0) == []
    assert CYCLE.at(29.0) == [Meeting(2, 3, 2, 30.0)]
    assert CYCLE.at(30.0) == [Meeting(1, 2, 3, 40.0), Meeting(3, 4, 3, 40.0)]


def test_one_slot_is_a_neighbourhood_that_meets_again():
    still = ContactSchedule(5.0, (((1, 2),),))
    assert [still.at(time_s)[0].number for time_s in (0.0, 4.9, 5.0, 12.0)] == [0, 0, 1, 2]


def test_no_slots_no_meetings():
    assert ContactSchedule(1.0, ()).at(3.0) == []


def told(present, answers, times_s):
    it = iter(answers)

    async def ask(_now_s):
        return next(it)

    contacts = Present(ask, present)
    return [asyncio.run(contacts.meetings(now_s, set())) for now_s in times_s]


def test_a_pair_that_comes_back_meets_anew():
    first, gone, again = told(float("inf"), [{(2, 1)}, set(), {(1, 2)}], (0.0, 1.0, 2.0))
    assert [(each.pair, each.number) for each in first] == [((1, 2), 1)]
    assert gone == []
    assert [(each.pair, each.number) for each in again] == [((1, 2), 2)]


def test_a_pair_that_stays_meets_anew_after_a_while():
    pairs = [{(1, 2)}] * 4
    numbers = [each[0].number for each in told(5.0, pairs, (0.0, 4.0, 5.5, 9.0))]
    assert numbers == [1, 1, 2, 2]
