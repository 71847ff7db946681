# SPDX-License-Identifier: MIT
"""The STWBC86 driver against the chip's emulation; pitfalls as in the hardware notes."""

from driver_bench import FOD_mW, TxDesk
from drivers import qi, stwbc86
from wptcore import ept


def running(**knobs):
    """Make a desk that transfers: a receiver lies there and its first packets have come."""
    desk = TxDesk()
    desk.chip.receiver = True
    for name, value in knobs.items():
        setattr(desk.chip, name, value)
    assert desk.driver.enable() == ept.NONE
    assert desk.run(1000) == ept.NONE
    assert desk.driver.reading.rx_present
    return desk


# -- pitfall 1: FOD threshold 0 is off; write, read back, refuse --


def test_a_threshold_of_zero_is_refused():
    for threshold_mW in (0, 31, -512, 8192):
        try:
            TxDesk(threshold_mW)
        except ValueError:
            continue
        raise AssertionError(threshold_mW)


def test_the_threshold_is_in_the_chip_before_the_coil_is():
    desk = TxDesk()
    assert desk.driver.enable() == ept.NONE
    registers = [register for register, _ in desk.bus.log]
    writes = dict(desk.bus.log)
    assert writes[0x00E0] == bytes([FOD_mW // 32])
    assert registers == [0x00D0, 0x00E0, 0x00C4, 0x00D0]
    assert [data for register, data in desk.bus.log if register == 0x00D0] == [
        b"\x02\x00",
        b"\x01\x00",
    ]


def test_a_threshold_that_does_not_stay_keeps_the_coil_off():
    for stuck in (0, 4, 255):
        desk = TxDesk()
        desk.chip.stuck[0x00E0] = stuck
        assert desk.driver.enable() == ept.INTERNAL_FAULT
        assert desk.is_dark()
        assert all(data[0] != 1 for register, data in desk.bus.log if register == 0x00D0)


def test_a_chip_that_restarted_with_its_own_threshold_is_stopped():
    desk = running()
    desk.chip.powered = False
    desk.chip.powered = True  # a dip of the supply: it pings again with FOD at its default
    assert desk.run(1000) == ept.INTERNAL_FAULT
    assert desk.is_dark()


def test_an_uncalibrated_loss_can_be_negative():
    desk = running(sent_mW=390, received_mW=468)  # the figures of ST's own log
    reading = desk.driver.poll(100)
    assert reading.sent_mW - reading.received_mW == -78
    assert reading.ept == ept.NONE


def test_power_loss_over_the_threshold_ends_as_foreign_object():
    desk = running(sent_mW=2000, received_mW=2000 - FOD_mW - 32)
    assert desk.run(30_000) == ept.FOREIGN_OBJECT
    assert desk.is_dark()


def test_power_loss_at_the_threshold_does_not_end():
    desk = running(sent_mW=2000, received_mW=2000 - FOD_mW)
    assert desk.run(30_000) == ept.NONE


# -- pitfall 2: order, settling, at most 3 s and 3 tries, reverse on exit --


def test_supply_settles_before_reset_is_let_go_and_boot_before_the_first_word():
    desk = TxDesk()
    assert desk.driver.enable() == ept.NONE
    assert desk.edges[:3] == [
        (0, "reset", 0),
        (0, "supply", 1),
        (stwbc86.SUPPLY_SETTLE_ms, "reset", 1),
    ]
    assert stwbc86.SUPPLY_SETTLE_ms >= 10


def test_exit_is_the_reverse_of_the_start():
    desk = running()
    desk.edges.clear()
    desk.bus.log.clear()
    desk.driver.disable()
    assert desk.bus.log == [(0x00D0, b"\x02\x00")]
    assert [edge[1:] for edge in desk.edges] == [("reset", 0), ("supply", 0)]
    assert desk.is_dark()


def test_a_chip_that_never_pings_is_tried_three_times_three_seconds():
    desk = TxDesk()
    desk.chip.stuck[0x00C9] = 0  # the ping bit never shows
    assert desk.driver.enable() == ept.NO_RESPONSE
    assert [edge for edge in desk.edges if edge[1:] == ("supply", 1)] == [
        (try_ms, "supply", 1) for try_ms in (0, 3070, 6140)
    ]
    assert [edge[2] for edge in desk.edges if edge[1] == "supply"][:6] == [1, 0] * 3
    assert desk.clock.now == 3 * (stwbc86.SUPPLY_SETTLE_ms + stwbc86.BOOT_ms + qi.POLL_MAX_ms)
    assert desk.is_dark()


def test_a_chip_that_comes_late_is_waited_for():
    desk = TxDesk()
    desk.chip.locked = True  # until the first reset pulse
    assert desk.driver.enable() == ept.NONE


def test_no_chip_at_all():
    desk = TxDesk()
    desk.chip.address = 0x60
    assert desk.driver.enable() == ept.INTERNAL_FAULT
    assert desk.clock.now < 1000
    assert desk.is_dark()


def test_another_chip_is_not_driven():
    for register, value in ((0x0000, 38), (0x000E, 1)):
        desk = TxDesk()
        desk.chip.stuck[register] = value
        assert desk.driver.enable() == ept.INTERNAL_FAULT
        assert all(data != b"\x01\x00" for _, data in desk.bus.log)
        assert desk.is_dark()


def test_a_start_can_be_stopped_between_its_steps():
    for steps in range(4):
        desk = TxDesk()
        start = desk.driver.start()
        for _ in range(steps):
            desk.clock.sleep_ms(next(start))
        start.close()
        desk.driver.disable()
        assert desk.is_dark(), steps


def test_enabling_what_runs_already_touches_nothing():
    desk = running()
    desk.edges.clear()
    desk.bus.log.clear()
    assert list(desk.driver.start()) == []
    assert desk.driver.enable() == ept.NONE
    assert (desk.edges, desk.bus.log) == ([], [])
    assert desk.driver.on


def test_disable_works_before_the_first_enable_and_twice():
    desk = TxDesk()
    desk.driver.disable()
    desk.driver.disable()
    assert desk.is_dark()
    assert desk.driver.enable() == ept.NONE


# -- follow: the same without waiting --


def follow(desk, wanted, duration_ms, step_ms=20):
    for _ in range(duration_ms // step_ms):
        desk.clock.sleep_ms(step_ms)
        desk.driver.follow(wanted, step_ms)


def test_follow_starts_in_steps_no_shorter_than_the_waits():
    desk = TxDesk()
    desk.chip.receiver = True
    follow(desk, True, 20)
    assert desk.edges[-1][1:] == ("supply", 1)
    follow(desk, True, 20)
    assert desk.edges[-1][1:] == ("reset", 1)
    assert desk.edges[-1][0] - desk.edges[-2][0] >= stwbc86.SUPPLY_SETTLE_ms
    follow(desk, True, 40)
    assert desk.bus.log == []
    follow(desk, True, 2000)
    assert desk.driver.on
    assert desk.driver.reading.rx_present


def test_follow_is_dark_in_the_pass_that_no_longer_wants():
    for started_ms in (20, 40, 60, 100, 120, 2000):
        desk = TxDesk()
        follow(desk, True, started_ms)
        desk.driver.follow(False, 20)
        assert desk.is_dark(), started_ms
        follow(desk, False, 200)
        assert desk.is_dark()


def test_follow_does_not_start_again_after_an_end():
    desk = TxDesk()
    desk.chip.receiver = True
    follow(desk, True, 2000)
    desk.chip.trip(3)
    follow(desk, True, 100)
    assert desk.driver.reading.ept == ept.FOREIGN_OBJECT
    follow(desk, True, 60_000, 1000)
    assert desk.is_dark()
    assert desk.driver.reading.ept == ept.FOREIGN_OBJECT
    desk.driver.follow(False, 20)
    follow(desk, True, 2000)
    assert desk.driver.on


def test_follow_gives_up_after_three_tries():
    desk = TxDesk()
    desk.chip.stuck[0x00C9] = 0  # the ping bit never shows
    follow(desk, True, 30_000)
    assert [edge[2] for edge in desk.edges if edge[1] == "supply"][:6] == [1, 0] * 3
    assert desk.driver.reading.ept == ept.NO_RESPONSE
    assert desk.is_dark()


# -- pitfall 12: lock-up when the receiver is taken away --


def test_a_locked_chip_is_cut_off_and_the_reset_line_brings_it_back():
    desk = running()
    desk.chip.receiver = False
    desk.chip.locked = True
    assert desk.chip.field  # the worst case: the coil stays driven
    desk.edges.clear()
    assert desk.run(1000) == ept.INTERNAL_FAULT
    assert desk.is_dark()
    assert desk.driver.lockups == 1
    assert [edge[1:] for edge in desk.edges] == [("reset", 0), ("supply", 0)]
    assert desk.driver.enable() == ept.NONE
    desk.chip.locked = True
    assert desk.run(100) == ept.NONE  # missed answers count from zero again
    desk.chip.locked = False
    assert desk.run(3000) == ept.NONE
    assert not desk.driver.reading.rx_present  # nobody lies there, and nothing is left over
    desk.chip.receiver = True
    assert desk.run(2000) == ept.NONE
    assert desk.driver.reading.rx_present


def test_one_missed_answer_is_no_lockup():
    desk = running()
    desk.chip.locked = True
    assert desk.run(200) == ept.NONE
    desk.chip.locked = False
    assert desk.run(1000) == ept.NONE
    assert desk.driver.on


def test_a_chip_that_acts_on_nothing_is_dark_after_disable():
    desk = running()
    desk.chip.deaf = True
    desk.driver.disable()
    assert desk.is_dark()


def test_reset_alone_revives_a_chip_whose_supply_cannot_be_switched():
    desk = running()
    desk.driver._supply = None
    desk.chip.locked = True
    assert desk.run(1000) == ept.INTERNAL_FAULT
    assert not desk.chip.field
    assert desk.driver.enable() == ept.NONE


# -- pitfall 13: control error 1.8 s, received power 24 s --


def test_received_power_every_four_seconds_is_in_time():
    desk = running(rp_interval_ms=4000)
    assert desk.run(30_000) == ept.NONE


def test_received_power_missing_for_24_s_ends():
    desk = running(rp_interval_ms=10**9)
    before = desk.clock.now
    assert desk.run(40_000) == ept.NO_RESPONSE
    assert 22_000 <= desk.clock.now - before <= 25_000


def test_silence_of_1800_ms_ends_and_1500_does_not():
    desk = running()
    desk.chip.silent = True
    assert desk.run(1500) == ept.NONE
    assert desk.run(800) == ept.NO_RESPONSE
    assert desk.is_dark()


def test_silence_ends_although_the_chip_itself_sees_nothing():
    desk = running()
    desk.chip.stuck[0x00C8] = desk.chip.stuck[0x00C9] = desk.chip.stuck[0x00CA] = 0
    assert desk.run(1700) == ept.NONE
    assert desk.run(400) == ept.NO_RESPONSE
    assert desk.is_dark()


# -- reasons --


def test_every_reason_has_a_code_and_the_coil_is_off():
    wanted = {
        0: ept.OVER_VOLTAGE,
        1: ept.OVER_CURRENT,
        2: ept.OVER_TEMPERATURE,
        3: ept.FOREIGN_OBJECT,
        4: ept.STOPPED,
        5: ept.PEER_ENDED,
        6: ept.NO_RESPONSE,
        7: ept.NO_RESPONSE,
        8: ept.RESTART,
        9: ept.INTERNAL_FAULT,
        10: ept.NO_RESPONSE,
    }
    for reason in range(11, 19):
        wanted[reason] = ept.NEGOTIATION_FAILURE
    for reason in range(19):
        desk = running()
        desk.chip.trip(reason)
        assert desk.run(200) == wanted[reason], reason
        assert desk.is_dark(), reason


def test_a_latched_fault_counts_although_the_reason_is_empty():
    for bit, code in stwbc86.LATCHED:
        desk = running()
        desk.chip._latch |= 1 << bit
        assert desk.run(200) == code, bit
    # the two registers number the same faults differently
    assert dict(stwbc86.LATCHED)[0] == dict(stwbc86.FAULTS)[2] == ept.OVER_TEMPERATURE
    assert dict(stwbc86.LATCHED)[17] == dict(stwbc86.FAULTS)[3] == ept.FOREIGN_OBJECT


def test_pings_to_nobody_are_no_end():
    desk = TxDesk()
    assert desk.driver.enable() == ept.NONE
    assert desk.run(10_000) == ept.NONE
    assert not desk.driver.reading.rx_present
    desk.chip.receiver = True
    assert desk.run(2000) == ept.NONE
    assert desk.driver.reading.rx_present


def test_the_chip_does_not_ping_again_after_an_end():
    desk = running()
    desk.chip.trip(5)
    assert desk.run(200) == ept.PEER_ENDED
    desk.clock.sleep_ms(60_000)
    assert desk.is_dark()
    assert desk.driver.poll(100).ept == ept.PEER_ENDED
    assert not desk.driver.reading.rx_present


# -- numbers --


class LogBus:
    """Answers one register with the bytes of ST's published log, all others with zero."""

    def __init__(self, answers):
        self._answers = answers

    def try_lock(self):
        return True

    def unlock(self):
        pass

    def writeto(self, address, buffer):
        pass

    def writeto_then_readfrom(self, address, out_buffer, in_buffer):
        data = self._answers.get(out_buffer[0] << 8 | out_buffer[1], bytes(len(in_buffer)))
        in_buffer[:] = data[: len(in_buffer)]


def test_the_bytes_of_sts_log_give_the_figures_of_sts_log():
    # b2_wbc86_getadc.py of ST's Python scripts: die 25.9 C, NTC 1498.5 mV
    log = bytes.fromhex("F213F90600000301FC0FC300948E")
    bus = LogBus({0x0040: log, 0x00E0: b"\x10"})
    driver = stwbc86.Stwbc86(bus, None, None, lambda wait_ms: None, 512)
    driver.on = True
    reading = driver.poll(0)
    assert (reading.ept, reading.die_dC, reading.ntc_mV) == (ept.NONE, 259, 1498)


def test_temperatures_below_zero():
    desk = running(die_dC=-105)
    assert desk.driver.poll(100).die_dC == -105
