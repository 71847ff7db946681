# SPDX-License-Identifier: MIT
"""What an operator may ask of a run, against real cores: each action, each way to be refused."""

import asyncio
from asyncio import create_task
from typing import Any

import pytest

from crowdcharge.boards import mandates
from crowdcharge.orchestrator.contacts import ContactSchedule
from crowdcharge.orchestrator.events import (
    FaultCleared,
    FaultRaised,
    Progress,
    TransferEnded,
    TransferStarted,
)
from crowdcharge.service.actions import Actions
from wptcore import ept, wire

from ..orchestrator.test_consent import OWNER, owned
from ..orchestrator.world import World
from .conftest import Operate, facts_of, until

PAIRS = ContactSchedule(20.0, (((1, 2), (3, 4)),))
ONE_PAIR = ContactSchedule(20.0, (((1, 2),),))
NOBODY = ContactSchedule(20.0, ((),))


async def act(actions: Actions, action: str, **args: Any) -> int:
    status, body = await actions.act(action, args)
    assert (status >= 400) == ("detail" in body)
    return int(status)


async def flows(world: World) -> None:
    """Wait until both pairs exchange energy."""
    await until(lambda: {each.ptx for each in world.of(Progress) if each.received_mW} == {1, 3})


def reasons(world: World) -> dict[int, set[str | None]]:
    return {each.ptx: {each.ept_ptx, each.ept_prx} for each in world.of(TransferEnded)}


def test_a_pause_begins_nothing_and_ends_nothing(operate: Operate) -> None:
    async def story(world: World, actions: Actions) -> None:
        await flows(world)
        assert await act(actions, "pause") == 200
        await until(lambda: len(world.of(TransferEnded)) == 2)
        assert all("STOPPED" not in each for each in reasons(world).values())
        world.boards[1].energy_mJ = 0.9 * world.boards[1].capacity_mJ
        await asyncio.sleep(60)
        assert len(world.of(TransferStarted)) == 2
        assert await act(actions, "resume") == 200
        await until(lambda: len(world.of(TransferStarted)) > 2)

    operate(story, PAIRS)


def test_stop_all_turns_every_coil_off_within_a_second(operate: Operate) -> None:
    async def story(world: World, actions: Actions) -> None:
        await flows(world)
        assert await act(actions, "stop") == 200
        await asyncio.sleep(1.0)
        assert not any(board.core.coil_on for board in world.boards.values())
        await asyncio.sleep(60)
        assert len(world.of(TransferStarted)) == 2
        assert actions.orchestrator.state == "stopped"

    world = operate(story, PAIRS)
    assert all("STOPPED" in each for each in reasons(world).values())


def test_one_transfer_is_stopped_and_the_other_goes_on(operate: Operate) -> None:
    async def story(world: World, actions: Actions) -> None:
        await flows(world)
        first = next(each for each in world.of(TransferStarted) if each.ptx == 1)
        assert await act(actions, "stop_transfer", transfer_id=first.transfer_id) == 202
        await until(lambda: len(world.of(TransferEnded)) == 2)
        assert await act(actions, "stop_transfer", transfer_id=first.transfer_id) == 409

    world = operate(story, PAIRS)
    assert "STOPPED" in reasons(world)[1]
    assert "STOPPED" not in reasons(world)[3]


def test_a_forbidden_board_stops_and_is_left_alone_until_it_is_allowed(operate: Operate) -> None:
    async def story(world: World, actions: Actions) -> None:
        await flows(world)
        assert await act(actions, "forbid", board_id=2) == 200
        await until(lambda: len(world.of(TransferEnded)) == 2)
        begun = len(world.of(TransferStarted))
        await asyncio.sleep(60)
        assert {each.ptx for each in world.of(TransferStarted)[begun:]} <= {3, 4}
        assert await act(actions, "transfer", ptx=1, prx=2, energy_J=1.0) == 409
        assert await act(actions, "allow", board_id=2) == 200
        await until(lambda: 1 in {each.ptx for each in world.of(TransferStarted)[begun:]})

    world = operate(story, PAIRS)
    assert "STOPPED" in reasons(world)[1]


def test_a_transfer_that_is_asked_for_is_made(operate: Operate) -> None:
    async def story(world: World, actions: Actions) -> None:
        world.lay((2, 3))
        assert await act(actions, "transfer", ptx=3, prx=2, energy_J=2.0) == 202
        await until(lambda: len(world.of(TransferEnded)) == 1)

    world = operate(story, NOBODY)
    (ended,) = world.of(TransferEnded)
    assert (ended.ptx, ended.prx, ended.ept_ptx) == (3, 2, "ENERGY_BUDGET")


def test_a_new_policy_decides_from_the_next_meeting_on(operate: Operate) -> None:
    async def story(world: World, actions: Actions) -> None:
        assert await act(actions, "policy", name="small-transfer", options={"quantum_J": 1}) == 200
        await until(lambda: len(world.of(TransferEnded)) >= 2)
        shown = (await facts_of(actions).changes())["run"]["policy"]
        assert (shown["name"], shown["options"]) == ("small-transfer", {"quantum_J": 1})
        assert shown["says"]

    world = operate(story, PAIRS)
    late = world.of(TransferStarted)[2:]
    assert {each.energy_max_mJ for each in late} <= {1000}


@pytest.mark.parametrize(
    ("action", "args", "status"),
    [
        ("explode", {}, 404),
        ("forbid", {"board_id": 9}, 404),
        ("forbid", {"board_id": "1"}, 422),
        ("forbid", {"board_id": True}, 422),
        ("forbid", {}, 422),
        ("stop_transfer", {"transfer_id": 12345}, 404),
        ("stop_transfer", {"transfer_id": [1]}, 422),
        ("acknowledge", {"board_id": 1, "fault": "NO_SUCH"}, 422),
        ("acknowledge", {"board_id": 1, "fault": {}}, 422),
        ("acknowledge", {"board_id": 1, "fault": "LEASE_LOST"}, 409),
        ("mandate", {}, 422),
        ("mandate", {"signed": "x" * 120}, 422),
        ("mandate", {"signed": "01" * 59}, 422),
        ("mandate", {"signed": mandates.MandateTerms(9, 1).signed(OWNER).hex()}, 404),
        ("mandate", {"signed": mandates.MandateTerms(1, 1).signed(OWNER).hex()}, 409),
        ("policy", {"name": "no-such"}, 422),
        ("policy", {"name": "os:system"}, 422),
        ("policy", {"name": "small-transfer", "options": {"quantum_J": -1}}, 422),
        ("policy", {"name": "small-transfer", "options": {"quantum": 1}}, 422),
        ("policy", {"name": "small-transfer", "options": [1]}, 422),
        ("policy", {"name": 3}, 422),
        ("transfer", {"ptx": 1, "prx": 1, "energy_J": 1}, 422),
        ("transfer", {"ptx": 1, "prx": 2}, 422),
        ("transfer", {"ptx": 1, "prx": 2, "energy_J": 0}, 422),
        ("transfer", {"ptx": 1, "prx": 2, "energy_J": float("nan")}, 422),
        ("transfer", {"ptx": 1, "prx": 2, "energy_J": 10**400}, 422),
        ("transfer", {"ptx": 1, "prx": 9, "energy_J": 1}, 404),
    ],
)
def test_what_makes_no_sense_is_refused(
    operate: Operate, action: str, args: dict[str, Any], status: int
) -> None:
    async def story(world: World, actions: Actions) -> None:
        assert await act(actions, action, **args) == status
        await asyncio.sleep(5)

    assert not operate(story, PAIRS).of(TransferStarted)[2:]


def test_nothing_is_asked_for_while_the_run_is_paused(operate: Operate) -> None:
    async def story(world: World, actions: Actions) -> None:
        await act(actions, "pause")
        assert await act(actions, "transfer", ptx=1, prx=2, energy_J=1.0) == 409

    operate(story, NOBODY)


def test_a_lost_lease_stands_in_a_paused_run_until_somebody_clears_it(operate: Operate) -> None:
    async def story(world: World, actions: Actions) -> None:
        await flows(world)
        await act(actions, "pause")
        world.mute = lambda _frame: True
        await asyncio.sleep(10)
        world.mute = lambda _frame: False
        await until(lambda: len(world.of(FaultRaised)) == 2)
        await asyncio.sleep(20)
        assert not world.of(FaultCleared)
        assert await act(actions, "acknowledge", board_id=2, fault="LEASE_LOST") == 200
        assert [each.board_id for each in world.of(FaultCleared)] == [2]
        await act(actions, "resume")
        await until(lambda: len(world.of(FaultCleared)) == 2)

    operate(story, PAIRS)


def test_no_remote_way_clears_what_needs_a_person(operate: Operate) -> None:
    async def story(world: World, actions: Actions) -> None:
        world.boards[1].core.on_fault(ept.FOREIGN_OBJECT)
        await until(lambda: len(world.of(FaultRaised)) == 1)
        status, problem = await actions.act(
            "acknowledge", {"board_id": 1, "fault": "FOREIGN_OBJECT"}
        )
        assert status == 409
        assert "button" in problem["detail"]
        assert problem["way_out"] in problem["detail"]
        # The board refuses as well, whoever asks it.
        async with actions.orchestrator.jobs.visiting(1) as link:
            answer = await link.command(wire.CLEAR, ept.FOREIGN_OBJECT)
        assert answer.code != ept.NONE
        assert ept.FOREIGN_OBJECT in actions.orchestrator.ledger_keeper.book.faults[1]

    operate(story, NOBODY)


def test_a_board_obeys_what_its_owner_has_signed_and_proves_it(operate: Operate) -> None:
    async def story(world: World, actions: Actions) -> None:
        owned(world, 1)
        for terms, status in (
            (mandates.MandateTerms(1, 5, gives_to=0), 200),
            (mandates.MandateTerms(1, 5, gives_to=0), 200),  # the same again changes nothing
            (mandates.MandateTerms(1, 4), 409),  # an older one
        ):
            signed = terms.signed(OWNER)
            found, body = await actions.act("mandate", {"signed": signed.hex()})
            assert found == status
        forged = mandates.MandateTerms(1, 6).signed(bytes(32)).hex()
        assert await act(actions, "mandate", signed=forged) == 409
        assert not world.boards[1].core.consent.gives_to
        assert actions.orchestrator.ledger_keeper.agents[1].gives_J == 0
        signed = mandates.MandateTerms(1, 7).signed(OWNER)
        _, body = await actions.act("mandate", {"signed": signed.hex()})
        assert mandates.proves(OWNER, signed, bytes.fromhex(body["proof"]))
        assert not mandates.proves(bytes(32), signed, bytes.fromhex(body["proof"]))
        assert actions.orchestrator.ledger_keeper.agents[1].gives_J > 0

    operate(story, NOBODY)


def test_a_mandate_waits_for_its_board_and_comes_between_no_renewals(operate: Operate) -> None:
    """And whoever else asks does not wait for it, however many do."""

    async def story(world: World, actions: Actions) -> None:
        owned(world, 1)
        await flows(world)
        signed = mandates.MandateTerms(1, 1).signed(OWNER).hex()
        status, problem = await actions.act("mandate", {"signed": signed})
        assert (status, problem["busy"]) == (409, True)
        assert 1 not in reasons(world)
        asked = [create_task(actions.act("mandate", {"signed": signed})) for _ in range(20)]
        await asyncio.sleep(0.5)
        assert sum(each.done() for each in asked) == 12
        assert await act(actions, "forbid", board_id=1) == 200  # its transfer ends
        answers = await asyncio.gather(*asked)
        assert [status for status, _ in answers].count(200) == 8

    operate(story, PAIRS)


def test_the_facts_say_who_waits_and_why(operate: Operate) -> None:
    async def story(world: World, actions: Actions) -> None:
        facts = facts_of(actions)
        await act(actions, "forbid", board_id=3)
        first = {each["board_id"]: each for each in (await facts.changes())["boards"]}
        assert "taken it out" in first[3]["waits"]
        assert (first[1]["contacts"], first[2]["contacts"]) == ([2], [1])
        assert (first[1]["floor_pct"], first[1]["capacity_mJ"]) == (20, 20_000)
        await act(actions, "pause")
        changed = {each["board_id"]: each for each in (await facts.changes())["boards"]}
        assert "paused" in changed[4]["waits"]
        assert "capacity_mJ" not in changed[4]

    operate(story, PAIRS)


def test_what_the_policy_wants_next_is_shown_before_it_happens(operate: Operate) -> None:
    async def story(world: World, actions: Actions) -> None:
        await act(actions, "pause")
        (first,) = (await facts_of(actions).changes())["next"]
        assert (first["ptx"], first["prx"]) == (1, 2)
        assert first["energy_J"] == pytest.approx(8.0, abs=0.1)
        assert "90 %" in first["says"]

    operate(story, ONE_PAIR)
