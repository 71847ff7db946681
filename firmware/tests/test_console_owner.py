# SPDX-License-Identifier: MIT
"""What only somebody at the board can do over its console: see what stands, clear it, attend."""

from support import make_board
from test_console import Line, told
from wptcore import ept


def test_status_and_selftest_name_what_stands_and_the_way_out():
    line = Line()
    assert told(line.ask("status"))["faults"] == "none"
    assert told(line.ask("selftest"))["result"] == "pass"
    line.board.on_fault(ept.BOOT_LOOP)
    line.board.on_fault(ept.LEASE_LOST)
    for text in ("status", "selftest"):
        pairs = told(line.ask(text))
        assert pairs["faults"] == "LEASE_LOST,BOOT_LOOP", text
        assert pairs["way_out"] == "a_host_clears_LEASE_LOST,_clear_BOOT_LOOP", text
    assert told(line.ask("selftest"))["result"] == "fail"


def test_the_console_clears_one_named_fault_that_a_person_may_clear():
    line = Line()
    assert line.ask("clear BOOT_LOOP") == "err clear BOOT_LOOP does not stand"
    line.board.on_fault(ept.BOOT_LOOP)
    line.board.on_fault(ept.LEASE_LOST)
    line.board.on_soc(0xFFFF)
    assert line.ask("clear LEASE_LOST").startswith("err clear only a host clears")
    assert line.ask("clear SOC_UNKNOWN") == "err clear SOC_UNKNOWN goes with its cause"
    assert told(line.ask("clear BOOT_LOOP")) == {"cleared": "BOOT_LOOP"}
    assert line.board.faults == bytes((ept.LEASE_LOST, ept.SOC_UNKNOWN))
    line.board.on_fault(ept.STUCK_SWITCH)
    line.board.on_sample(4000, 500, 250, 250, 20)
    assert line.ask("clear STUCK_SWITCH").startswith("err clear power still flows")


def test_attend_opens_the_window_unless_the_owner_is_off():
    line = Line(board=make_board(attended=False))
    assert told(line.ask("status"))["attended_left_s"] == "0"
    assert told(line.ask("attend")) == {"attended_left_s": "1800"}
    line.board.on_button(5000)
    assert line.ask("attend").startswith("err off")
    assert told(line.ask("status"))["off"] == "1"


def test_the_owner_configures_floor_and_window_at_the_console_only():
    line = Line(maintenance=True)
    told(line.ask("configure floor_pct 40"))
    assert told(line.ask("limits"))["floor_pct"] == "40"
    told(line.ask("configure floor_pct 20"))
    assert told(line.ask("limits"))["floor_pct"] == "20"
    told(line.ask("configure attended_s 60"))
    assert line.backend.identity["attended_s"] == 60
    told(line.ask("configure attended_s always"))
    assert line.backend.identity["attended_s"] == -1


def test_a_reset_over_the_console_is_marked_as_asked_for():
    for text in ("reset", "maintenance on"):
        line = Line()
        line.board.pop_save()
        line.ask(text)
        assert line.board.pop_save().asked_reset == 1, text


def test_the_owner_switches_airfuels_profile_on_and_off_in_maintenance_only():
    assert Line().ask("airfuel on").startswith("err ")
    line = Line(maintenance=True)
    assert told(line.ask("airfuel on")) == {"airfuel": "on"}
    assert line.backend.identity["airfuel"] is True
    assert told(line.ask("identity"))["airfuel"] == "on"
    assert line.ask("airfuel maybe").startswith("err range")
    told(line.ask("airfuel off"))
    assert "airfuel" not in line.backend.identity
