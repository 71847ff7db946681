# SPDX-License-Identifier: MIT
"""What a profile tightens on a board, and the cable rule of its schematic."""

from support import Host, last_receipt, make_board, make_limits, run
from wptcore import ept, wire
from wptcore.journal import Saved
from wptcore.limits import TIGHTER

EPT_FIELD = 9
STEP_ms = 20


def board_with(soc_permille=600, saved=None, vbus_interlock=True, **profile):
    limits = make_limits(vbus_interlock=vbus_interlock)
    limits.tighten(profile)
    board = make_board(soc_permille=soc_permille, saved=saved, limits=limits)
    return board, Host(board).hello()


def end_of(board):
    return last_receipt(board)[EPT_FIELD]


def battery_at(board, battery_dC, time_ms=3000):
    for _ in range(time_ms // STEP_ms):
        board.on_sample(4000, 0, 250, battery_dC, STEP_ms)


def test_a_looser_value_changes_nothing_and_a_tighter_one_stands():
    for name, tighter in TIGHTER.items():
        own = getattr(make_limits(), name)
        for other in (own - 1, own, own + 1):
            limits = make_limits()
            limits.tighten({name: other})
            assert getattr(limits, name) == tighter(own, other), name
            del limits
    limits = make_limits()
    before = dict(limits.__dict__) if hasattr(limits, "__dict__") else {}
    limits.tighten({"capacity_mJ": 1, "coil_max_dC": 1, "nothing": 1})
    assert not before or dict(limits.__dict__) == before


def test_a_battery_goes_on_where_its_profile_says():
    for profile, back_dC in (({}, 400), ({"battery_resume_dC": 350}, 350)):
        board, host = board_with(**profile)
        battery_at(board, 460)
        assert host.grant() == ept.BATTERY_TEMPERATURE
        battery_at(board, back_dC + 1)
        assert host.grant() == ept.BATTERY_TEMPERATURE
        battery_at(board, back_dC)
        assert host.grant() == ept.NONE


def test_a_profile_narrows_the_batterys_temperatures_and_keeps_the_hysteresis():
    board, host = board_with(battery_min_dC=100, battery_max_dC=399, battery_resume_dC=390)
    for off_dC, still_dC, on_dC in ((400, 350, 349), (99, 149, 150)):
        battery_at(board, off_dC)
        assert host.grant() == ept.BATTERY_TEMPERATURE
        battery_at(board, still_dC)
        assert host.grant() == ept.BATTERY_TEMPERATURE
        battery_at(board, on_dC)
        assert host.grant(transfer_id=off_dC) == ept.NONE
        host.send(wire.STOP, off_dC)


def test_nobody_is_waited_for_longer_than_the_profile_says():
    board, host = board_with(ping_ms=2000)
    assert host.grant(lease_ms=5000) == ept.NONE
    run(board, 2000, current_mA=0)
    assert board.coil_on
    run(board, 40, current_mA=0)
    assert not board.coil_on
    assert end_of(board) == ept.NO_RESPONSE


def test_a_load_that_goes_away_ends_it_when_the_profile_says():
    board, host = board_with(quiet_ms=1000)
    assert host.grant() == ept.NONE
    run(board, 400, host=host)
    run(board, 940, current_mA=0, host=host)
    assert board.coil_on
    run(board, 100, current_mA=0, host=host)
    assert end_of(board) == ept.NO_RESPONSE


def test_a_donor_gives_no_more_power_and_takes_as_much_as_before():
    board, host = board_with(gives_mW=1900)
    assert host.grant() == ept.NONE
    run(board, 400, current_mA=450, host=host)
    assert board.coil_on
    run(board, 400, current_mA=500, host=host)
    assert end_of(board) == ept.POWER_BUDGET
    assert host.grant(transfer_id=3, power_max_mW=12_001) == ept.OUT_OF_RANGE
    assert host.grant(transfer_id=2, role=wire.PRX) == ept.NONE
    run(board, 400, current_mA=-500, host=host, transfer_id=2)
    assert board.receiver_on


def test_the_floor_of_a_profile_is_the_boards_own_least():
    board, host = board_with(soc_permille=400, floor_pct=30)
    assert board.limits[5:7] == (30, 35)
    assert board.set_floor(29) == ept.OUT_OF_RANGE
    assert host.grant() == ept.NONE
    run(board, 100, host=host)
    board.on_soc(300)
    assert end_of(board) == ept.FLOOR
    saved = Saved()
    saved.floor_pct = 50
    assert board_with(saved=saved, floor_pct=30)[0].limits[5] == 50


def test_a_board_whose_schematic_has_no_interlock_of_the_plug_gives_on_a_cable():
    board, host = board_with(vbus_interlock=False)
    board.on_cable(True)
    assert board.state_byte & wire.CABLE
    assert ept.ROLE_CONFLICT not in board.faults
    assert host.grant() == ept.NONE
    run(board, 400, host=host)
    assert board.coil_on
    board.on_cable(False)
    board.on_cable(True)
    run(board, 400, host=host)
    assert board.coil_on


def test_a_profile_that_forbids_it_forbids_it_there_too_and_no_profile_allows_it():
    for vbus_interlock, cable_holds in ((False, 1), (False, 2), (True, 0), (True, 1), (True, 2)):
        board, host = board_with(vbus_interlock=vbus_interlock, cable_holds=cable_holds)
        assert host.grant() == ept.NONE
        board.on_cable(True)
        assert not board.coil_on
        assert end_of(board) == ept.ROLE_CONFLICT
        assert host.grant(transfer_id=2) == ept.ROLE_CONFLICT


def test_on_a_cable_the_floor_holds_as_ever():
    board, host = board_with(soc_permille=210, vbus_interlock=False)
    board.on_cable(True)
    assert host.grant() == ept.NONE
    board.on_soc(200)
    assert end_of(board) == ept.FLOOR
    board.on_soc(600)
    assert host.grant(transfer_id=2) == ept.FLOOR  # a cell that is being charged has not rested


def test_on_a_cable_a_gauge_that_stands_still_does_not_outrun_the_floor():
    board, host = board_with(vbus_interlock=False)  # 60 % of 100 J: 40 J above the floor
    assert host.grant() == ept.NONE
    while board.coil_on:
        board.on_cable(True)
        run(board, 100, host=host)
    assert end_of(board) == ept.FLOOR
    assert 38_000 <= board.figures[5] <= 40_000
