# SPDX-License-Identifier: MIT
"""The STWLC38 driver against the chip's emulation.

"pitfall n" is a number of the hardware notes.
"""

from driver_bench import RxDesk
from drivers import qi, stwlc38
from test_drivers_stwbc86 import LogBus
from wptcore import ept

TABLE = bytes(range(10, 27))


def running(**knobs):
    desk = RxDesk()
    for name, value in knobs.items():
        setattr(desk.chip, name, value)
    desk.chip.field = True
    assert desk.driver.enable() == ept.NONE
    assert desk.run(300) == ept.NONE
    return desk


# -- pitfall 12: deaf without field --


def test_without_field_the_chip_is_deaf_and_that_is_no_fault_of_it():
    desk = RxDesk()
    assert desk.driver.enable() == ept.NO_RESPONSE
    assert desk.clock.now == 3 * qi.POLL_MAX_ms
    assert desk.switch.count(1) == 0


def test_a_field_that_comes_while_waiting_is_found():
    desk = RxDesk()
    for wait_ms in desk.driver.start():
        desk.clock.sleep_ms(wait_ms)
        if desk.clock.now >= 4000:
            desk.chip.field = True
    assert desk.driver.on
    assert desk.switch[-1] == 1
    assert 4000 < desk.clock.now < 4300


def test_the_load_comes_after_the_output():
    desk = RxDesk()
    desk.chip.field = True
    seen = []
    desk.driver._output = lambda level: seen.append((level, desk.chip.output))
    assert desk.driver.enable() == ept.NONE
    assert seen == [(1, True)]


def test_a_field_that_goes_ends_and_drops_the_load():
    desk = running()
    desk.chip.field = False
    assert desk.run(1000) == ept.NO_RESPONSE
    assert desk.switch[-1] == 0
    assert not desk.driver.reading.rx_present
    assert desk.ends == []


def test_a_locked_chip_is_left_by_taking_the_field_away():
    desk = running()
    desk.chip.locked = True
    assert desk.run(1000) == ept.NO_RESPONSE
    assert desk.switch[-1] == 0
    desk.chip.field = False
    desk.chip.field = True
    assert desk.driver.enable() == ept.NONE


# -- exit in reverse; the transmitter is told why --


def test_disable_drops_the_load_then_the_output_then_asks_for_the_end():
    desk = running()
    desk.bus.log.clear()
    desk.driver.disable(ept.CHARGE_COMPLETE)
    assert desk.switch[-1] == 0
    assert desk.bus.log == [(0x0090, b"\x02\x00"), (0x00CF, b"\x01"), (0x0090, b"\x10\x00")]
    assert desk.ends == [ept.CHARGE_COMPLETE]
    assert not desk.chip.output


def test_a_reason_that_qi_has_no_number_for_goes_as_unknown():
    desk = running()
    desk.driver.disable(ept.LEASE_LOST)
    assert desk.ends == [0]


def test_disable_is_harmless_when_nothing_runs():
    desk = RxDesk()
    desk.driver.disable()
    desk.driver.disable()
    assert desk.ends == []
    assert 1 not in desk.switch


# -- pitfall 1, the receiver's half: its table decides what it reports --


def test_the_table_is_written_and_read_back():
    desk = RxDesk(TABLE)
    desk.chip.field = True
    assert desk.driver.enable() == ept.NONE
    assert (0x00B6, TABLE) in desk.bus.log


def test_a_table_that_does_not_stay_keeps_the_load_off():
    desk = RxDesk(TABLE)
    desk.chip.field = True
    desk.chip.stuck[0x00BB] = 0
    assert desk.driver.enable() == ept.INTERNAL_FAULT
    assert 1 not in desk.switch


def test_a_table_without_gain_or_of_wrong_length_is_refused():
    for table in (bytes(17), bytes(16), TABLE + b"\x00", bytes(5) + bytes(6) + b"\x01" * 6):
        try:
            RxDesk(table)
        except ValueError:
            continue
        raise AssertionError(table)


# -- faults and numbers --


def test_every_fault_has_a_code_and_is_told():
    wanted = (
        (0, ept.OVER_TEMPERATURE),
        (1, ept.OVER_CURRENT),
        (2, ept.OVER_VOLTAGE),
        (3, ept.INTERNAL_FAULT),
        (4, ept.OVER_CURRENT),
        (12, ept.UNDER_VOLTAGE),
    )
    for bit, code in wanted:
        desk = running()
        desk.chip.trip(bit)
        assert desk.run(200) == code, bit
        assert desk.switch[-1] == 0
        assert desk.ends == [code if code <= 0x0B else 0]


def test_another_chip_at_the_shared_address_is_not_used():
    desk = RxDesk()
    desk.chip.field = True
    desk.chip.stuck[0x0000] = 86  # the transmitter's id: both answer at 0x61
    assert desk.driver.enable() == ept.INTERNAL_FAULT
    assert 1 not in desk.switch


def test_readings():
    desk = running(received_mW=2345, die_dC=-40)
    reading = desk.driver.poll(100)
    assert (reading.received_mW, reading.die_dC, reading.rx_present) == (2345, -40, True)
    assert reading.sent_mW == qi.NOT_MEASURED


def test_the_bytes_of_sts_log_give_the_figures_of_sts_log():
    # a2_wlc38_getadc.py of ST's Python scripts: 27.6 C, 511 mW; its NTC formula gives 424 mV
    bus = LogBus(
        {
            0x0092: bytes.fromhex("BE147E132B00140192008BE7"),
            0x00A6: bytes.fromhex("FF0194"),
        }
    )
    driver = stwlc38.Stwlc38(bus, None, lambda wait_ms: None)
    driver.on = True
    reading = driver.poll()
    assert (reading.die_dC, reading.received_mW, reading.ntc_mV) == (276, 511, 424)
