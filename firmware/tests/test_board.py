# SPDX-License-Identifier: MIT
"""A board as a whole: a transfer from its grant to each of its ends, and the floor."""

from support import KEY, Host, last_receipt, make_board, run
from wptcore import ept, transfer, wire
from wptcore.journal import Saved

EPT_FIELD, ENERGY_FIELD, SOC_AFTER_FIELD = 9, 5, 11


def granted(role=wire.PTX, soc_permille=600, **bounds):
    host = Host(make_board(soc_permille=soc_permille)).hello()
    assert host.grant(role=role, **bounds) == ept.NONE
    return host.board, host


def test_a_transfer_from_grant_to_budget():
    board, host = granted(energy_max_mJ=10_000)
    assert board.coil_on and board.state == transfer.PING
    run(board, 200, host=host)
    assert board.state == transfer.POWER
    run(board, 4820, host=host)
    assert not board.coil_on and board.state == transfer.IDLE
    receipt = last_receipt(board)
    assert receipt[EPT_FIELD] == ept.ENERGY_BUDGET
    assert 10_000 <= receipt[ENERGY_FIELD] <= 10_000 + 2000 * 20 // 1000


def test_the_receiver_counts_what_comes_in():
    board, host = granted(role=wire.PRX, energy_max_mJ=5000)
    assert board.receiver_on and not board.coil_on
    run(board, 4000, current_mA=-500, host=host)
    receipt = last_receipt(board)
    assert receipt[EPT_FIELD] == ept.ENERGY_BUDGET
    assert 5000 <= receipt[ENERGY_FIELD] <= 5040


def test_a_missed_renewal_ends_and_latches_until_an_authentic_clear():
    board, host = granted(lease_ms=1000)
    run(board, 980)
    assert board.coil_on
    run(board, 20)
    assert not board.coil_on and board.state == transfer.FAULT
    assert last_receipt(board)[EPT_FIELD] == ept.LEASE_LOST
    assert host.grant(transfer_id=2) == ept.LATCHED
    assert host.send(wire.CLEAR, ept.FLOOR) == ept.LATCHED
    assert host.send(wire.CLEAR, ept.LEASE_LOST) == ept.NONE
    assert host.grant(transfer_id=2) == ept.NONE


def test_the_coil_is_off_while_the_lease_is_over_even_before_the_next_event():
    board, _ = granted(lease_ms=100)
    board._running.lease_ms = 0
    assert not board.coil_on


def test_the_floor_ends_a_donation_and_holds_until_resume():
    board, host = granted(soc_permille=210)
    run(board, 100, host=host)
    board.on_soc(201)
    run(board, 20, host=host)
    assert board.coil_on
    board.on_soc(200)
    run(board, 20)
    assert not board.coil_on
    assert last_receipt(board)[EPT_FIELD] == ept.FLOOR
    run(board, 60_000, current_mA=0)
    for soc_permille, code in ((200, ept.FLOOR), (249, ept.FLOOR), (250, ept.NONE)):
        board.on_soc(soc_permille)
        assert host.grant(transfer_id=soc_permille) == code


def test_the_floor_is_kept_by_count_while_the_gauge_lags():
    board, host = granted(soc_permille=260, energy_max_mJ=50_000)
    for i in range(400):
        board.on_sample(
            4000, 1000 + i % 2, 300, 250, 100
        )  # each sample takes 0.4 J from a 100 J cell
        board.on_soc(260)
        board.on_elapsed(100)
        if board.coil_on:
            host.send(wire.RENEW, 1, 1000, 2500, 0)
    receipt = last_receipt(board)
    assert receipt[EPT_FIELD] == ept.FLOOR
    assert 5000 <= receipt[ENERGY_FIELD] < 6000


def test_the_floor_survives_a_reboot():
    board, host = granted(soc_permille=210)
    board.on_soc(200)
    run(board, 20)
    again = Host(make_board(soc_permille=240, saved=board.pop_save())).hello()
    assert again.grant(transfer_id=5) == ept.FLOOR


def test_a_grant_may_raise_the_floor_never_lower_it():
    host = Host(make_board(soc_permille=450)).hello()
    assert host.grant(floor_pct=50) == ept.FLOOR
    board, host = granted(soc_permille=450, floor_pct=40)
    board.on_soc(400)
    run(board, 20)
    assert last_receipt(board)[EPT_FIELD] == ept.FLOOR
    host = Host(make_board(soc_permille=190)).hello()
    assert host.grant(floor_pct=0) == ept.FLOOR


def test_the_floor_is_configured_within_its_bounds_only():
    host = Host(make_board(soc_permille=350)).hello()
    for value, code in (
        (10, ept.OUT_OF_RANGE),
        (19, ept.OUT_OF_RANGE),
        (91, ept.OUT_OF_RANGE),
        (40, ept.NONE),
        (39, ept.OUT_OF_RANGE),  # by radio the floor rises only
        (40, ept.NONE),
    ):
        assert host.send(wire.CONFIGURE, wire.CONFIGURE_FLOOR_pct, value) == code
    assert host.grant() == ept.FLOOR
    assert host.ask(wire.ASK_LIMITS)[5:7] == (40, 45)


def test_an_unknown_or_stale_charge_means_no_grant_and_ends_a_transfer():
    for role in (wire.PTX, wire.PRX):
        board = make_board()
        host = Host(board).hello()
        board.on_soc(wire.SOC_UNKNOWN_permille)
        assert host.grant(role=role) == ept.SOC_UNKNOWN
        board.on_soc(500)
        assert host.grant(role=role) == ept.NONE
        board.on_soc(wire.SOC_UNKNOWN_permille)
        run(board, 20)
        assert last_receipt(board)[EPT_FIELD] == ept.SOC_UNKNOWN
    board = make_board()
    host = Host(board).hello()
    for _ in range(300):
        board.on_sample(4000, 0, 250, 250, 20)
        board.on_elapsed(20)
    assert host.grant() == ept.SOC_UNKNOWN


def test_a_stale_meter_refuses_and_ends():
    board, host = granted(lease_ms=5000)
    run(board, 100)
    for _ in range(26):
        board.on_elapsed(20)
    assert last_receipt(board)[EPT_FIELD] == ept.METER_STALE
    assert host.grant(transfer_id=2) == ept.METER_STALE


def test_power_and_duration_budgets():
    board, host = granted(power_max_mW=1990)
    run(board, 100, host=host)
    assert board.coil_on, "a receiver that connects its load draws a short peak"
    run(board, 40, host=host)
    assert last_receipt(board)[EPT_FIELD] == ept.POWER_BUDGET
    board, host = granted(duration_max_ms=500)
    run(board, 600, host=host)
    assert last_receipt(board)[EPT_FIELD] == ept.DURATION_BUDGET


def test_no_receiver_ends_the_ping_and_a_lost_one_ends_the_power():
    board, host = granted()
    run(board, 5100, current_mA=20, host=host)
    assert last_receipt(board)[EPT_FIELD] == ept.NO_RESPONSE
    board, host = granted()
    run(board, 500, host=host)
    run(board, 1780, current_mA=20, host=host)
    assert board.coil_on
    run(board, 40, current_mA=20, host=host)
    assert last_receipt(board)[EPT_FIELD] == ept.NO_RESPONSE


def test_a_full_receiver_ends_and_refuses():
    board, host = granted(role=wire.PRX, soc_permille=990)
    board.on_soc(1000)
    run(board, 20, current_mA=-500)
    assert last_receipt(board)[EPT_FIELD] == ept.CHARGE_COMPLETE
    assert host.grant(transfer_id=2, role=wire.PRX) == ept.CHARGE_COMPLETE


def test_never_donating_on_cable():
    board, host = granted()
    board.on_cable(True)
    assert not board.coil_on
    run(board, 20)
    assert last_receipt(board)[EPT_FIELD] == ept.ROLE_CONFLICT
    assert host.grant(transfer_id=2) == ept.ROLE_CONFLICT


def test_never_both_roles():
    board, host = granted()
    assert host.grant(transfer_id=2, role=wire.PRX) == ept.BUSY
    assert host.grant(transfer_id=1, role=wire.PRX) == ept.BUSY
    assert not board.receiver_on


def test_a_board_without_a_role_refuses_it():
    host = Host(make_board(roles=wire.PRX)).hello()
    assert host.grant(role=wire.PTX) == ept.NO_ROLE
    assert host.grant(role=3) == ept.NO_ROLE
    assert host.grant(role=0) == ept.NO_ROLE
    assert host.grant(role=wire.PRX) == ept.NONE


def test_a_grant_is_idempotent_and_never_given_twice():
    board, host = granted()
    assert host.grant() == ept.NONE
    assert host.send(wire.STOP, 1) == ept.NONE
    assert last_receipt(board)[EPT_FIELD] == ept.STOPPED
    assert host.send(wire.STOP, 1) == ept.NONE
    assert host.grant() == ept.UNKNOWN_TRANSFER
    assert len(board.receipts) == wire.RECEIPT_SIZE


def test_fields_out_of_range_are_refused():
    host = Host(make_board()).hello()
    for bounds in (
        {"transfer_id": 0},
        {"lease_ms": 0},
        {"lease_ms": 5001},
        {"power_max_mW": 0},
        {"power_max_mW": 12_001},
        {"energy_max_mJ": 0},
        {"duration_max_ms": 0},
    ):
        assert host.grant(**bounds) == ept.OUT_OF_RANGE, bounds
    assert host.grant() == ept.NONE
    assert host.send(wire.RENEW, 1, 5001, 0, 0) == ept.OUT_OF_RANGE
    assert host.send(wire.RENEW, 2, 1000, 0, 0) == ept.UNKNOWN_TRANSFER
    assert host.send(wire.STOP, 2) == ept.UNKNOWN_TRANSFER


def test_the_end_of_the_peer_ends_this_side():
    board, host = granted()
    assert host.send(wire.RENEW, 1, 1000, 0, ept.FLOOR) == ept.NONE
    assert last_receipt(board)[EPT_FIELD] == ept.PEER_ENDED


def test_a_ping_is_short_and_metered():
    board = make_board()
    host = Host(board).hello()
    assert host.send(wire.PING, 4, 3001) == ept.OUT_OF_RANGE
    assert host.send(wire.PING, 4, 500) == ept.NONE
    assert board.coil_on
    run(board, 520, current_mA=60)
    receipt = last_receipt(board)
    assert receipt[EPT_FIELD] == ept.DURATION_BUDGET
    assert abs(receipt[ENERGY_FIELD] - 240 * 500 // 1000) <= 1
    assert board.state == transfer.IDLE


def test_maintenance_makes_the_coil_impossible():
    board, host = granted()
    board.on_maintenance(True)
    assert not board.coil_on and board.state == transfer.MAINT
    assert host.grant(transfer_id=2) == ept.MAINTENANCE
    board.on_maintenance(False)
    assert host.grant(transfer_id=2) == ept.NONE


def test_a_latch_outlives_maintenance():
    board, host = granted(lease_ms=20)
    run(board, 40)
    board.on_maintenance(True)
    board.on_maintenance(False)
    assert board.state == transfer.FAULT
    assert host.grant(transfer_id=2) == ept.LATCHED


def test_a_reboot_in_a_transfer_leaves_a_receipt_and_a_new_epoch():
    board, host = granted()
    run(board, 1000, host=host)
    board._store.due = True
    saved = board.pop_save()
    sent_mJ = saved.sent_mJ
    again = make_board(saved=saved)
    receipt = last_receipt(again)
    assert receipt[EPT_FIELD] == ept.REBOOTED
    assert receipt[ENERGY_FIELD] == sent_mJ == 2000
    assert receipt[1] == 2
    assert not again.coil_on
    assert again.pop_save().open_transfer_id == 0


def test_a_latch_survives_a_reboot():
    board, host = granted(lease_ms=20)
    run(board, 40)
    again = Host(make_board(saved=board.pop_save())).hello()
    assert again.board.state == transfer.FAULT
    assert again.grant(transfer_id=9) == ept.LATCHED
    assert again.send(wire.CLEAR, ept.LEASE_LOST) == ept.NONE


def test_only_eight_receipts_are_kept_newest_first():
    board = make_board()
    host = Host(board).hello()
    for transfer_id in range(1, 11):
        assert host.grant(transfer_id=transfer_id) == ept.NONE
        assert host.send(wire.STOP, transfer_id) == ept.NONE
    size = wire.RECEIPT_SIZE
    kept = [wire.unpack_receipt(board.receipts[i * size : (i + 1) * size])[2] for i in range(8)]
    assert kept == [10, 9, 8, 7, 6, 5, 4, 3]
    assert len(board.receipts) == 8 * size


def test_it_saves_at_boot_start_end_and_once_a_minute():
    board = make_board(capacity_mJ=100_000_000)  # so that a gauge may stand still for so long
    assert board.pop_save() is not None
    assert board.pop_save() is None
    host = Host(board).hello()
    host.grant(role=wire.PRX, energy_max_mJ=10_000_000, duration_max_ms=10_000_000)
    saves = 0
    for _ in range(180):
        run(board, 1000, current_mA=-500, host=host)
        saves += board.pop_save() is not None
    assert saves == 1 + 2
    host.send(wire.STOP, 1)
    assert board.pop_save() is not None
    assert board.pop_save() is None


def test_a_fault_shows_in_the_beacon():
    board, _ = granted(lease_ms=20)
    run(board, 40)
    board.on_field(True)
    assert board.state_byte == transfer.FAULT | wire.PROBLEM | wire.FIELD
    assert make_board(key=b"").state_byte == wire.UNPROVISIONED


def test_a_new_board_starts_from_nothing():
    board = make_board(key=KEY, saved=Saved())
    assert board.receipts == b""
    assert not board.coil_on and not board.receiver_on
