# SPDX-License-Identifier: MIT
"""A crowd's credits bound what its policies may do, against real cores."""

from crowdcharge.ledger.kinds import Reward
from crowdcharge.orchestrator.contacts import ContactSchedule
from crowdcharge.orchestrator.events import Settled, TransferStarted

from .world import MortalStore

PAIR = ContactSchedule(5.0, (((1, 2),), ()))  # it meets again and again
YARD = Reward("yard", "received", allowance_mJ=1500)


def played(world, run, until_s, *rewards):
    """Run one host; return its reasons, and what each board earned and may take."""
    reasons: dict[int, str] = {}

    async def story():
        with MortalStore.open(world, world.ledger) as store:
            store.append(rewards)
            orchestrator = world.orchestrator(store, PAIR)
            await orchestrator.run(until_s)
            reasons.update(orchestrator.decisions.reasons)

    run(world, story())
    world.check_books()
    with world.store() as store:
        return reasons, {each.board_id: each for each in store.book.credits.standings()}


def test_who_never_gave_takes_its_allowance_and_no_more(make_world, run):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))
    reasons, stands = played(world, run, 60.0, YARD)
    taken_mJ = sum(each.received_mJ for each in world.of(Settled))
    assert taken_mJ <= YARD.allowance_mJ + 160  # budgets end within a sample
    owed_mJ = min(taken_mJ, YARD.allowance_mJ)
    assert owed_mJ == stands[1].balance_mJ == -stands[2].balance_mJ > 0
    assert stands[1].takes_mJ == YARD.allowance_mJ + owed_mJ
    assert stands[2].takes_mJ < 100  # no grant is worth so little
    assert "credit" in reasons[2]


def test_who_gave_may_take_it_back(make_world, run):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))
    played(world, run, 40.0, YARD)
    before = len(world.of(TransferStarted))
    world.boards[1].energy_mJ, world.boards[2].energy_mJ = 2000.0, 18_000.0
    _, stands = played(world, run, 60.0)
    back = world.of(TransferStarted)[before:]
    assert {(each.ptx, each.prx) for each in back} == {(2, 1)}
    assert stands[1].balance_mJ < 0 < stands[2].balance_mJ


def test_without_a_rule_nothing_is_bounded_or_written(make_world, run):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))
    _, stands = played(world, run, 60.0)
    assert sum(each.sent_mJ for each in world.of(Settled)) > 2 * YARD.allowance_mJ
    assert stands == {}
    with world.store() as store:
        assert {row.kind for row in store.rows()}.isdisjoint({"reward", "credit"})
