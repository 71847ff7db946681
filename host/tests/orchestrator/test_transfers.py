# SPDX-License-Identifier: MIT
"""The orchestrator against real cores: grants, renewals, ends, refusals, settlement."""

import asyncio

import pytest

from crowdcharge.ledger import kinds
from crowdcharge.ledger.settlement import SETTLED
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.contacts import ContactSchedule
from crowdcharge.orchestrator.events import (
    FaultCleared,
    FaultRaised,
    Progress,
    Refused,
    Settled,
    TransferEnded,
    Trouble,
)
from crowdcharge.report.summary import summarise
from wptcore import ept, transfer

PAIR = ContactSchedule(60.0, (((1, 2),),))


def test_a_pair_shares_and_the_ledger_equals_the_boards(make_world, run):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))
    run(world, world.host(PAIR, until_s=30.0))
    (ended,) = world.of(TransferEnded)
    assert (ended.ptx, ended.prx) == (1, 2)
    assert (ended.ept_ptx, ended.ept_prx) == ("ENERGY_BUDGET", "PEER_ENDED")
    (settled,) = world.of(Settled)
    assert settled.state == SETTLED
    assert settled.sent_mJ - settled.received_mJ == settled.loss_mJ
    assert 8000 <= settled.sent_mJ <= 8000 + 240  # half the difference, one sample over
    assert not world.of(Trouble)
    world.check_books()


def test_a_transfer_shows_its_progress(make_world, run):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))
    run(world, world.host(PAIR, until_s=30.0))
    progress = world.of(Progress)
    assert len(progress) >= 8
    assert max(each.sent_mW for each in progress) == pytest.approx(2400, rel=0.01)
    assert max(each.received_mW for each in progress) == pytest.approx(1600, rel=0.01)
    assert [each.sent_mJ for each in progress] == sorted(each.sent_mJ for each in progress)


def test_the_ledger_gets_the_donors_voltage_once_under_load_and_at_rest(make_world, run):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))
    run(world, world.host(PAIR, until_s=30.0))
    with Store.read(world.ledger) as store:
        said = [row.content() for row in store.rows()]
    meters = [each for each in said if isinstance(each, kinds.Meter) and each.board_id == 1]
    rest, *_ = (each for each in meters if not each.transfer_id)
    (load,) = (each for each in meters if each.transfer_id)
    assert load.bus_mV * load.current_mA / 1000 == pytest.approx(2400, rel=0.01)
    assert rest.bus_mV == load.bus_mV  # these boards' cells have no resistance
    assert abs(rest.current_mA) <= 1
    assert not [
        each
        for each in said
        if isinstance(each, kinds.Meter) and each.transfer_id and each.board_id != 1
    ]


def test_a_donor_at_its_floor_ends_and_then_refuses_once(make_world, run):
    world = make_world({1: 26.0, 2: 5.0})
    world.lay((1, 2))
    run(world, world.host(ContactSchedule(10.0, (((1, 2),),)), until_s=65.0))
    assert [each.ept_ptx for each in world.of(TransferEnded)] == ["FLOOR"]
    refusals = world.of(Refused)
    assert [(each.board_id, each.name) for each in refusals] == [(1, "FLOOR")]
    assert world.boards[1].soc_permille >= 195
    world.check_books()
    with world.store() as store:
        summary = summarise(store.book)
    assert summary["floor_cutoffs"] == 1
    assert summary["refusals"] == len(refusals)
    assert [each["state"] for each in summary["transfers"]] == [SETTLED]
    assert summary["sent_mJ"] - summary["received_mJ"] == summary["loss_mJ"]


def test_a_donor_that_refused_is_asked_again_once_it_has_more(make_world, run):
    world = make_world({1: 26.0, 2: 5.0})
    world.lay((1, 2))

    async def story():
        hosting = asyncio.create_task(
            world.host(ContactSchedule(10.0, (((1, 2),),)), until_s=95.0)
        )
        await asyncio.sleep(62.0)  # a cut-off holds for a minute after boot
        assert len(world.of(Refused)) == 1
        world.boards[1].energy_mJ = 0.6 * world.boards[1].capacity_mJ  # somebody charged it
        await hosting

    run(world, story())
    assert [each.ept_ptx for each in world.of(TransferEnded)][:2] == ["FLOOR", "ENERGY_BUDGET"]
    assert len(world.of(Refused)) == 1
    world.check_books()


def test_a_refused_transmitter_leaves_no_receiver_running(make_world, run):
    world = make_world({1: 21.0, 2: 5.0})
    world.lay((1, 2))
    world.boards[1].core.on_cable(True)  # it may not donate now
    run(world, world.host(PAIR, until_s=5.0))
    assert [each.name for each in world.of(Refused)] == ["ROLE_CONFLICT"]
    assert not world.of(TransferEnded)
    assert not world.boards[2].core.receiver_on
    world.check_books()


def test_an_unknown_charge_is_granted_nothing(make_world, run):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))
    world.boards[1].soc_known = False
    run(world, world.host(PAIR, until_s=20.0))
    assert not world.of(TransferEnded)
    assert world.boards[1].coil_history[-1:] == [(0.0, False)]


def test_disjoint_pairs_run_at_once(make_world, run):
    world = make_world({1: 90.0, 2: 10.0, 3: 80.0, 4: 20.0})
    world.lay((1, 2), (3, 4))
    run(world, world.host(ContactSchedule(60.0, (((1, 2), (3, 4)),)), until_s=30.0))
    ends = world.of(TransferEnded)
    assert {(each.ptx, each.prx) for each in ends} == {(1, 2), (3, 4)}
    on = [board.coil_history[1][0] for board in world.boards.values() if board.board_id in {1, 3}]
    assert abs(on[0] - on[1]) < 2.0
    world.check_books()


def test_more_boards_than_connections(make_world, run):
    world = make_world({board: 10.0 + 8 * board for board in range(1, 10)})
    pairs = tuple(((a, b),) for a in range(1, 10) for b in range(a + 1, 10))
    world.lay((1, 9))
    run(world, world.host(ContactSchedule(2.0, (((1, 9),), *pairs)), until_s=20.0, slots=3))
    assert len(world.of(TransferEnded)) >= 1
    assert max(len(board.links) for board in world.boards.values()) == 0
    world.check_books()


def test_a_lost_link_is_made_again_in_the_middle(make_world, run):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))

    async def story():
        host = asyncio.create_task(world.host(PAIR, until_s=30.0))
        await asyncio.sleep(3.0)
        for board in world.boards.values():
            assert board.core.state == transfer.POWER
            for link in list(board.links.values()):
                link.drop()
        await host

    run(world, story())
    assert [each.ept_ptx for each in world.of(TransferEnded)] == ["ENERGY_BUDGET"]
    world.check_books()


def test_a_board_out_of_reach_ends_both_and_settles_when_it_is_back(make_world, run):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))

    async def story():
        host = asyncio.create_task(world.host(PAIR, until_s=40.0))
        await asyncio.sleep(3.0)
        world.out_of_reach.add(world.boards[2].address)
        for link in list(world.boards[2].links.values()):
            link.drop()
        await asyncio.sleep(4.0)
        assert not any(board.core.coil_on for board in world.boards.values())
        assert world.boards[2].core.ept == ept.LEASE_LOST
        world.out_of_reach.clear()
        await host

    run(world, story())
    assert [each.state for each in world.of(Settled)] == [SETTLED]
    assert world.boards[2].core.state == transfer.IDLE  # the latch was cleared
    assert [each.name for each in world.of(FaultRaised)] == ["LEASE_LOST"]
    assert [each.name for each in world.of(FaultCleared)] == ["LEASE_LOST"]
    world.check_books()


def test_a_power_cut_in_a_transfer_is_settled_by_what_the_board_kept(make_world, run):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))

    async def story():
        host = asyncio.create_task(world.host(PAIR, until_s=40.0))
        await asyncio.sleep(3.0)
        world.boards[2].power_cut()
        await host

    run(world, story())
    (ended,) = world.of(TransferEnded)
    assert ended.ept_prx == "REBOOTED"
    with world.store() as store:
        assert [each.state for each in store.book.transfers.values()] == [SETTLED]
    world.check_books()


def test_a_lost_ack_is_asked_for_again(make_world, run):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))
    lost = iter(range(10_000))
    world.mute = lambda _frame: next(lost) % 7 == 6
    run(world, world.host(PAIR, until_s=60.0))
    assert [each.ept_ptx for each in world.of(TransferEnded)] == ["ENERGY_BUDGET"]
    world.check_books()


def test_stop_ends_what_runs_and_settles_it(make_world, run):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))

    async def story():
        with Store.create(world.ledger) as store:
            orchestrator = world.orchestrator(store, PAIR)
            running = asyncio.create_task(orchestrator.run())
            await asyncio.sleep(3.0)
            assert world.boards[1].core.coil_on
            orchestrator.stop()
            await asyncio.sleep(0.3)
            assert not world.boards[1].core.coil_on
            await running

    run(world, story())
    assert [each.ept_ptx for each in world.of(TransferEnded)] == ["STOPPED"]
    assert [each.state for each in world.of(Settled)] == [SETTLED]
    world.check_books()


def test_contacts_are_found_by_a_short_field(make_world, run):
    world = make_world({1: 90.0, 2: 10.0, 3: 50.0})
    world.lay((1, 2))
    run(world, world.host(None, until_s=40.0))
    pairs = {frozenset((each.ptx, each.prx)) for each in world.of(TransferEnded)}
    assert pairs == {frozenset((1, 2))}  # once they are even, either may give a little
    world.check_books()
    with world.store() as store:
        summary = summarise(store.book)
        probes = [each for each in store.book.transfers.values() if not each.prx]
    assert probes
    assert {each.state for each in probes} == {SETTLED}
    assert summary["sent_mJ"] - summary["received_mJ"] == summary["loss_mJ"]


def test_a_stranger_with_a_boards_number_does_not_keep_the_host_out(make_world, run):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))
    fake = world.boards[1].__class__(1, 50.0, 20.0)
    fake.key = bytes(32)
    fake.boot()
    fake.__class__ = type("Fake", (fake.__class__,), {"address": "66:66:66:66:66:66"})
    world.boards[99] = fake
    run(world, world.host(PAIR, until_s=60.0))
    assert [(each.ptx, each.prx) for each in world.of(TransferEnded)] == [(1, 2)]


def test_a_fault_is_told_and_logged_from_its_start_to_its_end(make_world, run):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))
    board = world.boards[2]

    async def story():
        host = asyncio.create_task(world.host(PAIR, until_s=20.0))
        await asyncio.sleep(3.0)
        board.core.on_fault(ept.OVER_TEMPERATURE)
        await asyncio.sleep(1.0)
        assert [each.name for each in world.of(FaultRaised)] == ["OVER_TEMPERATURE"]
        await host

    run(world, story())
    assert [each.ept_prx for each in world.of(TransferEnded)] == ["OVER_TEMPERATURE"]
    assert [each.name for each in world.of(FaultCleared)] == ["OVER_TEMPERATURE"]
    world.check_books()


def test_a_latched_fault_stays_until_a_person_clears_it(make_world, run):
    world = make_world({1: 90.0, 2: 10.0})
    world.lay((1, 2))

    async def story():
        host = asyncio.create_task(world.host(ContactSchedule(5.0, (((1, 2),),)), until_s=20.0))
        await asyncio.sleep(3.0)
        world.boards[1].core.on_fault(ept.FOREIGN_OBJECT)
        await host

    run(world, story())
    assert [each.ept_ptx for each in world.of(TransferEnded)] == ["FOREIGN_OBJECT"]
    assert {each.name for each in world.of(Refused)} == {"LATCHED"}
    assert not world.of(FaultCleared)
    with world.store() as store:
        assert store.book.faults[1] == {ept.FOREIGN_OBJECT}
    world.check_books()


def test_a_locked_ledger_grants_nothing_new_and_loses_nothing(make_world, run):
    world = make_world({1: 90.0, 2: 10.0, 3: 80.0, 4: 20.0})
    world.lay((1, 2), (3, 4))

    async def story():
        slots = (((1, 2),), ((3, 4),), ((1, 2), (3, 4)))
        host = asyncio.create_task(world.host(ContactSchedule(4.0, slots), until_s=30.0))
        await asyncio.sleep(3.0)
        assert world.boards[1].core.coil_on
        world.locked = True
        await asyncio.sleep(6.0)
        assert not any(board.core.coil_on for board in world.boards.values())
        world.locked = False
        await host

    run(world, story())
    assert any("locked" in each.text for each in world.of(Trouble))
    with world.store() as store:
        assert {each.state for each in store.book.transfers.values()} == {SETTLED}
    world.check_books()


def test_two_hosts_at_once_get_in_each_others_way_and_both_ledgers_are_true(make_world, run):
    world = make_world({1: 90.0, 2: 10.0, 3: 80.0, 4: 20.0})
    world.lay((1, 2), (3, 4))
    schedule = ContactSchedule(5.0, (((1, 2), (3, 4)),))

    async def story():
        one = world.host(schedule, 30.0, "one.sqlite", first_transfer_id=1)
        other = world.host(schedule, 30.0, "other.sqlite", first_transfer_id=1001)
        await asyncio.gather(one, other)

    run(world, story())
    world.check_books("one.sqlite", "other.sqlite")
    assert world.of(TransferEnded)
