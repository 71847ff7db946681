# SPDX-License-Identifier: MIT
"""One pad and its groups against real cores: shares, who comes, who goes, who is lost."""

import asyncio

import pytest

from crowdcharge.bench.sessions.jumping_time import LoopClock
from crowdcharge.ledger import kinds
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.contacts import ContactSchedule, Present
from crowdcharge.orchestrator.events import Refused, TransferEnded, Trouble
from crowdcharge.orchestrator.transfer import TransferTerms

LEASE_ms = 1500
ON_PAD = ContactSchedule(300.0, (((1, 2), (1, 3), (1, 4)),))
SOCS_PCT = {1: 95.0, 2: 10.0, 3: 20.0, 4: 30.0}


def terms(rule="equal", budget_J=0.0, power_max_mW=8000):
    return TransferTerms(LEASE_ms, power_max_mW, group=rule, group_budget_mJ=int(budget_J * 1000))


@pytest.fixture
def world(make_world):
    world = make_world(SOCS_PCT, capacity_J=100.0)
    world.lay((1, 2), (1, 3), (1, 4))
    return world


def groups(world) -> list[list[int]]:
    """Return the receivers of each group, in order."""
    with Store.read(world.ledger) as store:
        book = store.load()
        return [[book.transfers[each].prx for each in of] for of in book.groups.values()]


def sent_J(world, prx) -> float:
    with Store.read(world.ledger) as store:
        transfers = store.load().transfers.values()
        return sum(each.sent_mJ for each in transfers if each.prx == prx) / 1000


@pytest.mark.parametrize(
    ("rule", "shares_J"),
    [
        ("equal", [10, 10, 10]),
        ("need", [12.9, 9.8, 7.3]),  # by offers of 42.5, 32.3 and 24 J
        ("first-come", [30, 0, 0]),
    ],
)
def test_a_budget_is_shared_by_its_rule(world, run, rule, shares_J):
    run(world, world.host(ON_PAD, 120.0, terms=terms(rule, budget_J=30.0)))
    world.check_books()
    given_J = [sent_J(world, prx) for prx in (2, 3, 4)]
    if rule == "first-come":
        assert sorted(given_J, reverse=True) == pytest.approx(shares_J, abs=4)
    else:
        assert given_J == pytest.approx(shares_J, abs=4)  # a renewal's energy late
    assert not world.of(Refused)


def test_who_comes_is_in_the_next_group_and_who_goes_is_not(world, run):
    laid = [(1, 2), (1, 3)]
    world.lay(*laid)

    async def present(_now_s):
        return laid

    async def story():
        host = asyncio.create_task(world.host(Present(present), 60.0, terms=terms()))
        await asyncio.sleep(4)
        laid.append((1, 4))
        world.lay(*laid)
        await asyncio.sleep(4)
        laid.remove((1, 2))
        world.lay(*laid)
        await host

    run(world, story())
    world.check_books()
    assert [sorted(each) for each in groups(world)][:3] == [[2, 3], [2, 3, 4], [3, 4]]
    ends = {(each.prx, each.ept_prx) for each in world.of(TransferEnded)}
    assert (2, "NO_RESPONSE") in ends


def test_a_killed_receiver_ends_the_group_within_one_lease(world, run):
    killed_s = []

    async def story():
        clock = LoopClock()
        host = asyncio.create_task(world.host(ON_PAD, 60.0, terms=terms()))
        await asyncio.sleep(5)
        assert world.boards[1].core.coil_on
        killed_s.append(clock.now_s())
        world.kill(3)
        await host

    run(world, story())
    off_s = min(s for s, on in world.boards[1].coil_history if not on and s > killed_s[0])
    assert off_s - killed_s[0] <= LEASE_ms / 1000
    assert [sorted(each) for each in groups(world)][:2] == [[2, 3, 4], [2, 4]]
    with Store.read(world.ledger) as store:
        book = store.load()
        first = next(iter(book.groups.values()))
        assert {book.transfers[each].state for each in first} == {"one-sided"}
        assert sum(book.balances_mJ.values()) == 0


def test_an_object_under_one_of_them_ends_it_all(world, run):
    world.lay((1, 2), (1, 3))

    async def present(_now_s):
        return [(1, 2), (1, 3)]

    async def story():
        host = asyncio.create_task(world.host(Present(present), 40.0, terms=terms()))
        await asyncio.sleep(5)
        world.boards[1].object_mA = 250  # 1 W: 0.4 W beyond the curve, and what this rig lacks
        await host

    run(world, story())
    assert "FOREIGN_OBJECT" in {each.ept_ptx for each in world.of(TransferEnded)}
    assert len(groups(world)) == 1, "it latches until a person has looked"
    world.check_books()


def test_a_group_that_is_too_uncertain_gets_smaller(world, run):
    run(world, world.host(ON_PAD, 60.0, terms=terms(budget_J=30.0, power_max_mW=12_000)))
    assert {each.name for each in world.of(Refused)} == {"UNCALIBRATED"}
    assert {len(each) for each in groups(world)} >= {3, 2}
    world.check_books()
    assert all(sent_J(world, prx) > 3 for prx in (2, 3, 4))


@pytest.mark.parametrize(("ends", "after"), [("forbid", [[2, 4]]), ("stop", [])])
def test_a_person_takes_one_out_or_stops_the_group(world, run, ends, after):
    async def story():
        with Store.create(world.ledger) as store:
            orchestrator = world.orchestrator(store, ON_PAD, terms=terms())
            host = asyncio.create_task(orchestrator.run(30.0))
            await asyncio.sleep(5)
            if ends == "forbid":
                orchestrator.forbid(3)
            else:
                (number,) = [k for k, each in store.book.transfers.items() if each.prx == 3]
                assert orchestrator.stop_transfer(number)
            await host

    run(world, story())
    world.check_books()
    first, *others = [sorted(each) for each in groups(world)]
    assert first == [2, 3, 4]
    assert others[:1] == after


def test_without_a_rule_there_are_pairs(world, run):
    run(world, world.host(ON_PAD, 60.0, terms=terms(rule="")))
    assert groups(world) == []
    world.check_books()


@pytest.mark.parametrize(
    "kill_at",
    [
        pytest.param(edge, marks=[] if edge % 215 == 40 else pytest.mark.long)
        for edge in range(40, 900, 43)
    ],
)
def test_a_host_killed_in_a_group_loses_nothing(make_world, run, kill_at):
    world = make_world(SOCS_PCT, capacity_J=100.0)
    world.lay((1, 2), (1, 3), (1, 4))

    async def story():
        world.kill_at = kill_at
        await world.host(ON_PAD, 40.0, terms=terms(budget_J=20.0))
        world.kill_at = None
        await asyncio.sleep(6)
        await world.host(ON_PAD, 120.0, terms=terms(budget_J=20.0))

    run(world, story())
    world.check_books()
    assert not [each for each in world.of(Trouble) if each.kind == "LedgerError"]
    with Store.read(world.ledger) as store:
        assert any(isinstance(row.content(), kinds.Member) for row in store.rows())
