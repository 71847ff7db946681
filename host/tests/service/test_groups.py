# SPDX-License-Identifier: MIT
"""A pad in the live picture: its groups and sums, live, after a new start, and in a replay."""

from typing import Any

from crowdcharge.boards.constants import Role
from crowdcharge.ledger import kinds
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.contacts import ContactSchedule
from crowdcharge.orchestrator.events import Progress, TransferEnded, TransferStarted, as_record
from crowdcharge.orchestrator.transfer import TransferTerms
from crowdcharge.service.facts import transfers_shown
from crowdcharge.service.live import TRANSFERS_SHOWN, Live
from crowdcharge.service.tape import Tape

from ..orchestrator.conftest import make_world, run  # noqa: F401 - fixtures

NOW_s = 1_790_000_000.0
ON_PAD = ContactSchedule(300.0, (((1, 2), (1, 3), (1, 4)),))
SUMMED = ("sent_mJ", "received_mJ", "loss_mJ")


def started(transfer_id: int, prx: int, group_id: int) -> dict[str, Any]:
    parties = (transfer_id, 1, prx, 9000)
    return as_record(TransferStarted(NOW_s, *parties, group_id, "equal" if group_id else ""))


def told(transfer_id: int, prx: int, received_age_s: float | None) -> dict[str, Any]:
    return as_record(
        Progress(NOW_s, transfer_id, 1, prx, 1400, 900, 500, 300, 600, 210, 0.0, received_age_s)
    )


def test_a_pair_is_no_group() -> None:
    live = Live({"time_s": NOW_s})
    live.apply(started(7, 2, 0))
    shown = live.snapshot()
    assert shown["groups"] == []
    assert shown["transfers"][0]["group_rule"] is None


def test_what_arrives_is_known_once_every_receiver_has_spoken() -> None:
    live = Live({"time_s": NOW_s})
    for record in (started(7, 2, 8), started(8, 3, 8), told(7, 2, 0.0), told(8, 3, None)):
        live.apply(record)
    (group,) = live.snapshot()["groups"]
    assert (group["sent_mW"], group["received_mW"]) == (2800, None)
    live.apply(told(8, 3, 0.5))
    (group,) = live.snapshot()["groups"]
    assert (group["sent_mW"], group["received_mW"]) == (2800, 1800)
    boards = {each["board_id"]: each["group_id"] for each in live.snapshot()["boards"]}
    assert boards == {1: 8, 2: 8, 3: 8}
    assert Live(live.snapshot()).snapshot() == live.snapshot()


def test_a_group_is_forgotten_as_a_whole() -> None:
    live = Live({"time_s": NOW_s})
    for transfer_id in range(100, 103 + TRANSFERS_SHOWN, 2):
        for member in (transfer_id, transfer_id + 1):
            live.apply(started(member, member % 2 + 2, transfer_id))
        for member in (transfer_id, transfer_id + 1):
            ends = (None, None)
            record = as_record(TransferEnded(NOW_s, member, 1, member % 2 + 2, *ends))
            live.apply(record)
    assert {len(each["transfers"]) for each in live.snapshot()["groups"]} == {2}


def test_live_and_replayed_a_pad_adds_up_to_the_ledger(make_world, run) -> None:  # noqa: F811
    world = make_world({1: 95.0, 2: 10.0, 3: 20.0, 4: 30.0}, capacity_J=100.0)
    world.lay((1, 2), (1, 3), (1, 4))
    terms = TransferTerms(1500, 8000, group="equal", group_budget_mJ=30_000)
    run(world, world.host(ON_PAD, 60.0, terms=terms))
    live, replayed, tape = Live({}), Live({}), Tape()
    for event in world.events:
        live.apply(as_record(event))
    pads_mW = set()  # of the pad's meter, by its samples
    with Store.read(world.ledger) as store:
        for row in store.rows():
            content = row.content()
            for record in tape.play(row, content):
                replayed.apply(record)
            if isinstance(content, kinds.Sample) and content.role == Role.PTX:
                *_, group = replayed.snapshot()["groups"]
                assert group["sent_mW"] == content.power_mW
                pads_mW.add(content.power_mW)
    assert len(pads_mW) > 1
    book = tape.book
    groups = [each for each in live.snapshot()["groups"] if each["sent_mJ"]]
    assert groups
    for group in groups:
        members = [book.transfers[each] for each in group["transfers"]]
        assert group["prxs"] == [each.prx for each in members]
        assert group["group_rule"] == "equal"
        for name in SUMMED:
            assert group[name] == sum(getattr(each, name) for each in members)
    earlier = Live({"transfers": list(transfers_shown(book).values())}).snapshot()["groups"]
    shown = [{name: each[name] for name in ("prxs", *SUMMED)} for each in groups]
    for found in (replayed.snapshot()["groups"], earlier):
        flowed = [each for each in found if each["sent_mJ"]]
        assert [{name: each[name] for name in ("prxs", *SUMMED)} for each in flowed] == shown
