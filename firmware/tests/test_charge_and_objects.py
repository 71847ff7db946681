# SPDX-License-Identifier: MIT
"""What the board believes of its charge, and what it makes of a coil without a receiver."""

from support import CURVE, Host, last_receipt, make_board, run
from wptcore import ept, transfer, units, wire
from wptcore.battery import CoulombCount
from wptcore.charge import CHARGE_SETTLE_ms, RESET_SETTLE_ms
from wptcore.floor import DonorFloor
from wptcore.fod import ForeignObject
from wptcore.journal import Saved
from wptcore.warming import DULL_LOSS_mJ, Warming

EPT_FIELD = 9
BIG_mJ = 100_000_000


def granted(board=None, **bounds):
    host = Host(make_board(capacity_mJ=BIG_mJ) if board is None else board).hello()
    wanted = {"energy_max_mJ": 10**8, "duration_max_ms": 10**8, "lease_ms": 5000}
    wanted.update(bounds)
    assert host.grant(**wanted) == ept.NONE
    return host.board, host


def rest(board, time_ms, soc_permille=600):
    for i in range(time_ms // 200):
        board.on_sample(4000, i % 2, 250, 250, 200)
        board.on_soc(soc_permille)
        board.on_elapsed(200)


# -- the gauge -------------------------------------------------------------------------------


def test_a_gauge_that_was_reset_is_unknown_until_it_has_settled_at_rest():
    board = make_board()
    rest(board, CHARGE_SETTLE_ms)  # a boot may follow a charge
    board.on_gauge_reset()
    for time_ms in range(0, RESET_SETTLE_ms, 200):
        board.on_soc(600)
        assert board.soc_permille == wire.SOC_UNKNOWN_permille, time_ms
        assert Host(board).hello().grant(transfer_id=1 + time_ms) == ept.SOC_UNKNOWN
        rest(board, 200)
    board.on_soc(600)
    assert board.soc_permille == 600


def test_a_gauge_that_was_reset_after_a_charge_needs_a_longer_rest():
    board, host = granted(role=wire.PRX)
    run(board, 2000, current_mA=-500, host=host)
    host.send(wire.STOP, 1)
    board.on_gauge_reset()
    rest(board, RESET_SETTLE_ms + 2000)
    board.on_soc(700)
    assert board.soc_permille == wire.SOC_UNKNOWN_permille
    rest(board, CHARGE_SETTLE_ms)
    board.on_soc(600)
    assert board.soc_permille == 600


def test_a_gauge_that_is_reset_in_a_transfer_ends_it():
    board, host = granted()
    run(board, 1000, host=host)
    board.on_gauge_reset()
    assert not board.coil_on and last_receipt(board)[EPT_FIELD] == ept.SOC_UNKNOWN


def test_a_reading_soon_after_a_charge_or_a_boot_does_not_end_a_cut_off():
    saved = Saved()
    saved.floor_cut = 1
    board = make_board(saved=saved, soc_permille=300)
    host = Host(board).hello()
    assert host.grant() == ept.FLOOR
    rest(board, CHARGE_SETTLE_ms, 249)
    assert host.grant(role=wire.PRX) == ept.NONE
    run(board, 1000, current_mA=-500, host=host)
    host.send(wire.STOP, 1)
    board.on_soc(300)
    assert host.grant(transfer_id=2) == ept.FLOOR
    board.on_cable(True)
    board.on_cable(False)
    rest(board, CHARGE_SETTLE_ms - 1000, 300)
    assert host.grant(transfer_id=2) == ept.FLOOR
    rest(board, 1000, 300)
    board.on_soc(300)
    assert host.grant(transfer_id=2) == ept.NONE


def test_a_charge_that_stands_still_while_three_percent_flowed_is_unknown():
    board, host = granted(make_board(capacity_mJ=1_000_000))
    run(board, 14_900, host=host)  # 2 W: 30 J are 3 %
    assert board.coil_on
    run(board, 300, host=host)
    assert last_receipt(board)[EPT_FIELD] == ept.SOC_UNKNOWN
    board.on_soc(598)
    assert host.grant(transfer_id=2) == ept.SOC_UNKNOWN
    board.on_soc(597)
    assert host.grant(transfer_id=2) == ept.NONE


def test_standing_still_is_counted_over_transfers_and_reboots():
    saved = None
    for number in range(1, 4):
        board = make_board(capacity_mJ=1_000_000, saved=saved)
        host = Host(board).hello()
        assert host.grant(transfer_id=number, lease_ms=5000) == ept.NONE
        run(board, 5500, host=host, transfer_id=number)
        host.send(wire.STOP, number)
        saved = board.pop_save()
    assert last_receipt(board)[EPT_FIELD] == ept.SOC_UNKNOWN


def test_what_flowed_since_the_last_reading_does_not_speak_against_the_gauge():
    """A gauge reads low under load: when that ends it rises, as far as what flowed lets it."""

    def flow(time_ms):
        for i in range(time_ms // 20):
            current_mA = 500 + i % 2 if board.pulses_on else 0  # 2 W: 1 % in 0.5 s
            board.on_sample(4000, current_mA, 300, 250, 20)
            board.on_elapsed(20)

    board, host = granted(make_board(capacity_mJ=100_000))
    flow(700)
    board.on_soc(560)
    flow(900)
    host.send(wire.STOP, 1)
    rest(board, 11_000, 562)
    assert host.grant(transfer_id=2) == ept.NONE
    flow(980)
    assert board.is_running
    board.on_soc(526)
    assert board.is_running and board.soc_permille == 526


def test_a_gauge_that_follows_is_believed():
    board, host = granted(make_board(capacity_mJ=1_000_000))
    for percent in range(1, 30):
        run(board, 5000, host=host)
        board.on_soc(600 - 10 * percent)
        assert board.coil_on, percent


def test_a_cell_whose_rest_voltage_is_below_the_floor_donates_nothing():
    for bus_mV, code in ((3640, ept.FLOOR), (3700, ept.NONE)):
        board = make_board(soc_permille=600)
        for i in range(120):
            board.on_sample(bus_mV, i % 2, 250, 250, 20)
        assert Host(board).hello().grant() == code, bus_mV


def test_a_stored_floor_below_twenty_is_raised_to_it():
    assert DonorFloor(10).floor_pct == 20
    saved = Saved()
    saved.floor_pct = 10
    board = make_board(saved=saved, soc_permille=200)
    assert Host(board).hello().grant() == ept.FLOOR
    assert board.pop_save().floor_pct == 20


def test_counted_charge_takes_a_rest_from_the_battery_lead_only():
    count = CoulombCount(100_000)
    for _ in range(40):
        count.add(3800, 0, 100)
    assert count.soc_permille == 500
    for _ in range(40):
        count.add(5000, 0, 100, received=True)  # the receiver's output says nothing of the cell
    assert count.soc_permille == 500
    for _ in range(10):
        count.add(5000, -500, 1000, received=True)  # 1.9 W reach the cell, not 2.5
    assert count.soc_permille == 690
    for _ in range(59):
        count.add(4100, 0, 1000)  # the surface charge of the charge just ended
    assert count.soc_permille == 690
    count.add(3860, 0, 1000)
    assert count.soc_permille == 628


def test_counted_charge_is_unknown_after_a_cable_until_a_long_rest():
    count = CoulombCount(100_000)
    for _ in range(3):
        count.add(3800, 0, 1000)
    count.add(4200, 0, 1000, cable=True)
    assert count.soc_permille == wire.SOC_UNKNOWN_permille
    for _ in range(59):
        count.add(4200, 0, 1000)
        assert count.soc_permille == wire.SOC_UNKNOWN_permille
    count.add(3800, 0, 1000)
    assert count.soc_permille == 500


def test_unknown_is_never_a_plausible_number_on_the_air():
    board = make_board()
    board.on_soc(wire.SOC_UNKNOWN_permille)
    board.on_sample(4000, 0, units.TEMPERATURE_UNKNOWN_dC, 250, 20)
    buffer = bytearray(31)
    end = board.pack_bthome_into(buffer, 0)
    ids = bytes(buffer[3:end])
    assert 0x01 not in ids[:1] and ids[0] == 0x0C
    known = make_board()
    assert known.pack_bthome_into(bytearray(31), 0) == end + 2 + 3
    board.pack_beacon_into(buffer, 0)
    soc_pct, temperature_C = wire.unpack_beacon(bytes(buffer[: wire.BEACON_SIZE]))[7:9]
    assert (soc_pct, temperature_C) == (255, -128)


def test_any_coil_temperature_fits_an_ack():
    host = Host(make_board()).hello()
    for coil_dC in (-(1 << 20), 1 << 20):
        host.board.on_sample(4000, 0, coil_dC, 250, 20)
        assert abs(host.deliver(host.frame(wire.STOP, 1))[8]) <= 0x8000


# -- no receiver -----------------------------------------------------------------------------


def ping_for(board, host, time_ms, ping_ms=65, period_ms=400, received_mW=0):
    """Ping with a switched module without a receiver, every 20 ms while the host renews."""
    for now_ms in range(0, time_ms, 20):
        pings = now_ms % period_ms < ping_ms
        board.on_sample(4000, (125 if pings else 20) + now_ms // 20 % 2, 250, 250, 20)
        board.on_soc(600)
        board.on_elapsed(20)
        if now_ms % 500 == 0 and board.is_running:
            host.send(wire.RENEW, 1, 5000, received_mW, 0)


def test_pings_of_a_module_are_no_flow():
    for ping_ms in (20, 65, 90, 120):
        board, host = granted()
        ping_for(board, host, 4980, ping_ms)
        assert board.state == transfer.PING, ping_ms
        ping_for(board, host, 60, ping_ms)
        assert last_receipt(board)[EPT_FIELD] == ept.NO_RESPONSE, ping_ms


def test_a_receiver_that_is_taken_away_from_a_pinging_module_ends_the_transfer():
    board, host = granted()
    run(board, 3000, host=host)
    assert board.state == transfer.POWER
    ping_for(board, host, 2000)
    assert last_receipt(board)[EPT_FIELD] == ept.NO_RESPONSE


def test_a_dead_receiver_that_draws_an_idle_field_ends_the_transfer():
    for curve in (CURVE, None):
        board, host = granted(make_board(curve=curve, capacity_mJ=BIG_mJ), power_max_mW=1000)
        for _ in range(13):
            run(board, 500, current_mA=62)  # 250 mW
            if board.is_running:
                host.send(wire.RENEW, 1, 5000, 0, 0)
        assert last_receipt(board)[EPT_FIELD] == ept.NO_RESPONSE


# -- foreign objects -------------------------------------------------------------------------


def test_ten_seconds_without_a_verdict_end_a_transfer():
    """Figures that jump with each renewal are never steady, so they hide an object."""
    board, host = granted()
    for step in range(24):
        if not board.is_running:
            break
        run(board, 500)
        host.send(wire.RENEW, 1, 5000, 800 if step % 2 else 1300, 0)
    assert last_receipt(board)[EPT_FIELD] == ept.NO_FOD_VERDICT
    assert 10_000 <= last_receipt(board)[6] <= 10_700


def test_exceedances_survive_transfers_and_reboots():
    saved = None
    for number in range(1, 4):
        board = make_board(saved=saved, capacity_mJ=BIG_mJ)
        host = Host(board).hello()
        assert host.grant(transfer_id=number, lease_ms=5000) == ept.NONE
        for _ in range(2):  # the first pair of a transfer is not steady, the second exceeds
            run(board, 500)
            host.send(wire.RENEW, number, 5000, 700, 0)
        assert (ept.FOREIGN_OBJECT in board.faults) == (number == 3)
        host.send(wire.STOP, number)
        saved = board.pop_save()
    board.clear_at_board(ept.FOREIGN_OBJECT)
    assert board.pop_save().fod_exceedances == 0


def test_a_clean_verdict_forgets_exceedances():
    check = ForeignObject(CURVE, 2)
    clean_mW = CURVE.sent_mW(2000)
    check.compare(clean_mW, 2000)
    assert not check.judged and check.exceedances == 2
    assert not check.compare(clean_mW, 2000)
    assert check.judged and check.exceedances == 0


# -- the coil's thermistor -------------------------------------------------------------------


def test_a_thermistor_that_does_not_warm_limits_the_board_to_a_watt():
    warming = Warming()
    warming.begin(250)
    assert warming.lose(DULL_LOSS_mJ - 1, 259) == 0
    assert warming.lose(1, 259) == 1
    assert warming.lose(1, 260) == -1
    assert warming.lose(10 * DULL_LOSS_mJ, 260) == 0  # a coil in balance warms no further


def test_a_warm_coil_is_judged_again_once_it_was_cool():
    warming = Warming()
    warming.begin(250)
    assert warming.lose(1000, 300) == -1
    warming.elapse(20, True)
    warming.begin(300)
    assert warming.lose(DULL_LOSS_mJ, 300) == 0
    warming.elapse(600_000, False)
    warming.begin(250)
    assert warming.lose(DULL_LOSS_mJ, 250) == 1


def test_a_board_with_a_dull_thermistor_grants_a_watt_and_recovers_when_it_warms():
    board, host = granted(power_max_mW=5000)
    board._diagnosis.trip(ept.THERMISTOR_DULL)
    run(board, 20, host=host)
    assert last_receipt(board)[EPT_FIELD] == ept.THERMISTOR_DULL
    assert host.grant(transfer_id=2, power_max_mW=1001) == ept.THERMISTOR_DULL
    assert host.grant(transfer_id=2, power_max_mW=1000, lease_ms=5000) == ept.NONE
    for coil_dC in (250, 265):
        board.on_sample(4000, 200, coil_dC, 250, 20)
        board.on_elapsed(20)
        host.send(wire.RENEW, 2, 5000, 400, 0)
    assert board.faults == b""


def test_a_board_without_a_coil_thermistor_grants_a_watt():
    board, host = granted()
    for _ in range(10):
        board.on_sample(4000, 500, units.TEMPERATURE_UNKNOWN_dC, 250, 20)
    host.send(wire.RENEW, 1, 5000, 1240, 0)
    assert last_receipt(board)[EPT_FIELD] == ept.THERMISTOR_DULL
