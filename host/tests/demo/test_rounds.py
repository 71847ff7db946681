# SPDX-License-Identifier: MIT
"""The demo's meetings: everybody meets everybody, nobody twice at once, no round is skipped."""

from itertools import combinations

import pytest

from crowdcharge.bench.runs.demo import Demo
from crowdcharge.bench.runs.rounds import Round, Rounds, story, tournament
from crowdcharge.errors import InputError


@pytest.mark.parametrize("boards", range(2, 30))
def test_a_tournament_is_complete_and_disjoint(boards: int) -> None:
    rounds = tournament(list(range(1, boards + 1)))
    met = [pair for pairs in rounds for pair in pairs]
    assert sorted(met) == sorted(combinations(range(1, boards + 1), 2))
    for pairs in rounds:
        present = [board for pair in pairs for board in pair]
        assert len(present) == len(set(present))


@pytest.mark.parametrize("boards", range(4, 30))
def test_the_story_opens_with_the_low_donor_twice(boards: int) -> None:
    first, second, *_ = story(boards)
    assert (2, 3) in first
    assert second == ((2, 3),)


async def test_a_round_ends_when_all_its_pairs_have_met_and_are_free() -> None:
    arranged: list[Round] = []
    over: list[int] = []

    async def arrange(_number: int, pairs: Round) -> None:
        arranged.append(pairs)

    def goes_on(rounds_over: int) -> bool:
        over.append(rounds_over)
        return rounds_over < 3

    rounds = Rounds([((1, 2), (3, 4)), ((1, 3),)], arrange, goes_on)
    assert not await rounds.meetings(0.0, {1, 2, 3})  # not everyone is there yet
    assert not arranged
    assert [m.pair for m in await rounds.meetings(0.0, {1, 2, 3, 4})] == [(1, 2), (3, 4)]
    again = await rounds.meetings(0.0, {1, 2})  # 3 and 4 still exchange; 1 and 2 have met
    assert [(m.pair, m.number) for m in again] == [((1, 2), 0)]
    assert len(arranged) == 1
    assert [m.pair for m in await rounds.meetings(0.0, {1, 2, 3, 4})] == [(1, 3)]
    assert arranged[-1] == ((1, 3),)
    second_cycle = await rounds.meetings(0.0, {1, 2, 3, 4})
    assert [m.number for m in second_cycle] == [2, 2]
    assert not await rounds.meetings(0.0, {1, 2, 3, 4})  # goes_on has said that it is over
    assert not await rounds.meetings(0.0, {1, 2, 3, 4})
    assert over == [1, 2, 3]


async def test_a_pair_that_was_busy_still_meets_in_its_round() -> None:
    async def arrange(_number: int, _pairs: Round) -> None:
        return None

    rounds = Rounds([((1, 2), (3, 4))], arrange, lambda _: False)
    await rounds.meetings(0.0, {1, 2, 3, 4})
    rounds = Rounds([((1, 2),), ((3, 4),)], arrange, lambda _: True)
    assert [m.pair for m in await rounds.meetings(0.0, {1, 2, 3, 4})] == [(1, 2)]
    assert [m.pair for m in await rounds.meetings(0.0, {1, 2, 3, 4})] == [(3, 4)]
    assert not await rounds.meetings(0.0, {1, 2})  # pair (3, 4) is at it
    assert [m.pair for m in await rounds.meetings(0.0, {1, 2, 3, 4})] == [(1, 2)]


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"boards": 1}, "--boards must be 2 to"),
        ({"boards": 101}, "--boards must be 2 to"),
        ({"speed": 0.0}, "--speed must be"),
        ({"speed": 11.0}, "--speed must be"),
        ({"policy": "no-such"}, "no policy"),
    ],
)
def test_bad_arguments_are_named(wrong: dict[str, object], text: str) -> None:
    with pytest.raises(InputError, match=text):
        Demo(**wrong)  # type: ignore[arg-type] - wrong on purpose


def test_the_same_seed_gives_the_same_bench() -> None:
    assert Demo(boards=9, seed=3).bench() == Demo(boards=9, seed=3).bench()
    assert Demo(boards=9, seed=3).bench() != Demo(boards=9, seed=4).bench()
