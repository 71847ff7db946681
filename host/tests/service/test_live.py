# SPDX-License-Identifier: MIT
"""What the live picture says, and what it must never say."""

from typing import Any

from crowdcharge.service.live import NO_TRANSFER, TRANSFERS_SHOWN, Live
from crowdcharge.service.window.flows import running

NOW_s = 1_790_000_000.0
START = {"transfer_id": 7, "ptx": 1, "prx": 2, "energy_max_mJ": 9000}


def record(event: str, at_s: float = 0.0, **fields: Any) -> dict[str, Any]:
    return {"event": event, "time_s": NOW_s + at_s, **fields}


def progress(at_s: float, sent: float | None, received: float | None, **more: Any) -> dict:
    """Progress whose two sides were heard so many seconds ago; None: not yet."""
    fields = {
        "transfer_id": 7, "ptx": 1, "prx": 2, "sent_mW": 5000, "received_mW": 3000,
        "sent_mJ": 500, "received_mJ": 300, "ptx_soc_permille": 600, "prx_soc_permille": 210,
    }  # fmt: skip
    fields |= {"sent_age_s": sent, "received_age_s": received} | more
    return record("Progress", at_s, **fields)


def live(*records: dict[str, Any]) -> Live:
    found = Live({"time_s": NOW_s})
    for each in records:
        found.apply(each)
    return found


def board(found: Live, board_id: int) -> dict[str, Any]:
    boards = {each["board_id"]: each for each in found.snapshot()["boards"]}
    shown: dict[str, Any] = boards[board_id]
    return shown


def test_a_known_charge_is_never_forgotten() -> None:
    found = live(
        record("BoardReading", board_id=1, soc_permille=632),
        record("BoardReading", board_id=1, soc_permille=None),
        progress(1, 0.0, 0.0, ptx_soc_permille=None),
    )
    assert board(found, 1)["soc_pct"] == 63.2


def test_a_board_that_was_only_heard_has_no_charge() -> None:
    found = live(record("BoardSeen", board_id=1, address="a", rssi_dBm=-50))
    assert board(found, 1)["soc_pct"] is None


def test_power_counts_once_both_sides_have_spoken() -> None:
    found = live(record("TransferStarted", **START), progress(2, None, 0.0))
    (transfer,) = found.snapshot()["transfers"]
    assert (transfer["sent_mW"], transfer["received_mW"]) == (None, 3000)
    assert found.snapshot()["curves"]["received_mW"][-1] == 0
    found.apply(progress(3, 0.25, 0.5))
    (transfer,) = found.snapshot()["transfers"]
    assert (transfer["sent_age_s"], transfer["received_age_s"]) == (0.25, 0.5)
    assert found.snapshot()["curves"]["sent_mW"][-1] == 5000


def test_no_power_arrives_before_it_is_sent_or_after_a_board_has_stopped() -> None:
    found = live(progress(2, 0.0, 0.0, sent_mW=0, received_mW=900))
    assert found.snapshot()["curves"]["received_mW"][-1] == 0
    found.apply(progress(3, 0.0, 0.0))
    assert found.snapshot()["curves"]["received_mW"][-1] == 3000
    dull = {"board_id": 1, "code": 0x95, "name": "THERMISTOR_DULL"}
    found.apply(record("FaultRaised", 4, **dull))  # a warning, by which nothing stops
    assert found.snapshot()["curves"]["received_mW"][-1] == 3000
    found.apply(record("FaultRaised", 5, board_id=1, code=0x8F, name="FOREIGN_OBJECT"))
    assert found.snapshot()["curves"]["received_mW"][-1] == 0


def test_a_transfer_that_an_earlier_run_left_open_does_not_run() -> None:
    earlier = {**NO_TRANSFER, "transfer_id": 3, "ptx": 1, "prx": 2}
    found = Live({"time_s": NOW_s, "transfers": [earlier]})
    assert running(found.snapshot()) == []
    found.apply(record("TransferStarted", **START))
    assert [each["transfer_id"] for each in running(found.snapshot())] == [7]


def test_an_end_says_why_in_plain_words_and_stops_the_power() -> None:
    ended = {"transfer_id": 7, "ptx": 1, "prx": 2, "ept_ptx": "FLOOR", "ept_prx": "PEER_ENDED"}
    found = live(progress(0, 0.0, 0.0), record("TransferEnded", 1, **ended))
    (transfer,) = found.snapshot()["transfers"]
    assert transfer["text"] == "The donor is at its floor."
    assert transfer["sent_mW"] == 0


def test_a_fault_names_its_way_out_and_who_may_clear_it() -> None:
    raised = {"board_id": 4, "code": 0x8F, "name": "FOREIGN_OBJECT"}
    found = live(record("FaultRaised", **raised), record("FaultRaised", **raised))
    (fault,) = board(found, 4)["faults"]
    assert fault["clear_by"] == "button"
    assert fault["way_out"].startswith("Take whatever lies between the coils away")
    found.apply(record("FaultCleared", **raised))
    assert board(found, 4)["faults"] == []


def test_a_window_that_starts_anew_knows_what_the_last_one_knew() -> None:
    first = live(
        record("Facts", run={"state": "running"}, boards=[{"board_id": 1, "heard_s": NOW_s}]),
        progress(3, 0.25, 0.5),
        record("Facts", 9, totals={"sent_mJ": 12}),
    )
    second = Live(first.snapshot())
    assert second.snapshot() == first.snapshot()
    for each in (first, second):
        each.apply(progress(12, 0.0, 1.0))
    assert second.snapshot() == first.snapshot()


def test_energy_stands_with_the_running_or_with_the_totals_and_never_with_neither() -> None:
    found = live(progress(0, 0.0, 0.0), record("Facts", totals={"sent_mJ": 100}))
    settled = {"transfer_id": 7, "sent_mJ": 510, "received_mJ": 300, "loss_mJ": 210}
    found.apply(record("Settled", state="settled", totals={"sent_mJ": 610}, **settled))
    shown = found.snapshot()
    assert (shown["totals"]["sent_mJ"], shown["transfers"][0]["state"]) == (610, "settled")


def test_old_transfers_go_and_running_ones_stay() -> None:
    found = live(progress(0, 0.0, 0.0))
    for number in range(100, 200):
        parties = {"transfer_id": number, "ptx": 1, "prx": 2}
        found.apply(record("TransferEnded", number, **parties, ept_ptx=None, ept_prx=None))
    shown = [each["transfer_id"] for each in found.snapshot()["transfers"]]
    assert shown == [7, *range(200 - TRANSFERS_SHOWN, 200)]


def test_curves_have_one_point_a_second_and_are_bounded() -> None:
    found = live(record("BoardReading", board_id=1, soc_permille=500))
    for second in range(1, 1000):
        found.apply(record("Facts", second, boards=[{"board_id": 2}] if second == 10 else []))
    curves = found.snapshot()["curves"]
    assert {len(curves["sent_mW"]), *map(len, curves["soc"].values())} == {900}
    assert curves["since_s"] == NOW_s + 100
    found.apply(record("Facts", 100_000))
    assert len(found.snapshot()["curves"]["sent_mW"]) == 1
