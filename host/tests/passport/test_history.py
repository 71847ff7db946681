# SPDX-License-Identifier: MIT
"""What a history takes from rows, and what is counted from it."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crowdcharge.ledger import kinds
from crowdcharge.passport import wear
from crowdcharge.passport.capacity import idle_of
from crowdcharge.passport.document import figures
from crowdcharge.passport.history import CoilMoment, History, Quiet
from wptcore import ept, wire

READING = kinds.Reading(1, 1, 800, 0, 0, 20_000_000, 1000)
REST = kinds.Meter(1, 0, 1000, 800, 0, bus_mV=4000, current_mA=0)
SAMPLE = kinds.Sample(5, 1, wire.PTX, 3000, 4000, 20_000, 795, 300)
LOAD = kinds.Meter(1, 5, 3000, 795, 20_000, bus_mV=3700, current_mA=1000)
RECEIPT = kinds.ReceiptRow(
    board_id=1, epoch=1, transfer_id=5, role=wire.PTX, peer=2, energy_mJ=2_000_000,
    duration_ms=500_000, peak_mW=4000, peak_dC=355, ept=0, soc_before_permille=800,
    soc_after_permille=690, odometer_mJ=2_000_000, raw="",
)  # fmt: skip


def told(*contents: kinds.Content) -> History:
    history = History(1)
    for content in contents:
        history.add(content)
    return history


def transfer() -> tuple[kinds.Content, ...]:
    opened = kinds.Open(5, 1, 2, energy_max_mJ=9, power_max_mW=0, t_ms=2000)
    return kinds.Run("p", 1, None, 1_700_000_000), READING, REST, opened, SAMPLE, LOAD, RECEIPT


def test_the_charge_of_a_load_is_that_before_it_less_what_was_given():
    rest, load = told(*transfer()).terminals
    assert (rest.soc, rest.bus_V, rest.current_A) == (0.8, 4.0, 0.0)
    assert (load.soc, load.bus_V, load.current_A) == (0.8 - 0.001, 3.7, 1.0)
    assert load.time_s == 1_700_000_003


@pytest.mark.parametrize(("after_ms", "after"), [(503_000, 0.7), (900_000, 0.69)])
def test_a_reading_soon_after_tells_the_charge_without_load(after_ms, after):
    history = told(*transfer(), replace(READING, soc_permille=700, t_ms=after_ms))
    (discharge,) = history.discharges
    assert (discharge.energy_J, discharge.before, discharge.after) == (2000.0, 0.8, after)


def test_another_declared_capacity_is_another_cell():
    fitted = replace(READING, capacity_mJ=30_000_000, t_ms=503_000)
    history = told(*transfer(), fitted, REST)
    assert (history.cells, history.capacity_mJ, history.sent_mJ) == (2, 30_000_000, 2_000_000)
    assert not history.discharges
    assert len(history.terminals) == 1
    assert "(1 times)" in figures(history)["capacity_rated"].how


def test_other_boards_and_other_directions_do_not_count():
    others = [replace(each, board_id=2) for each in transfer() if hasattr(each, "board_id")]
    history = told(*others, replace(RECEIPT, role=wire.PRX))
    assert (history.sent_mJ, history.received_mJ) == (0, 2_000_000)
    assert not history.discharges
    assert not history.terminals


def test_time_goes_on_where_a_run_has_no_start():
    first = kinds.Run("p", 1, None)
    history = told(first, READING, REST, first, READING, REST)
    assert [each.time_s for each in history.terminals] == [1.0, 2.0]
    assert history.first_unix_s is None
    assert not history.quiet  # nobody knows what lay between two runs


def test_quiet_time_tells_what_the_board_draws_and_a_cable_is_left_out():
    seen = [Quiet(0.0, 3600.0, 0.01)] * 5 + [Quiet(0.0, 3600.0, -0.2)]
    idle = idle_of(seen)
    assert idle.per_s == pytest.approx(0.01 / 3600)
    assert idle_of(seen[:3]).per_s is None


def test_faults_and_gaps_are_counted():
    fault = kinds.Fault(1, ept.OVER_TEMPERATURE, "OVER_TEMPERATURE", raised=True, t_ms=1)
    history = told(
        fault,
        replace(fault, raised=False),
        replace(fault, board_id=2),
        replace(fault, code=ept.LEASE_LOST, name="LEASE_LOST"),
        kinds.Gap(1, wire.PTX, 1, from_mJ=(1 << 32) - 5, to_mJ=7),
    )
    counted = wear.events(history)
    assert counted["over_temperature_faults"].value == 1
    assert (counted["other_faults"].value, counted["other_faults"].how) == (1, "LEASE_LOST 1")
    assert counted["deep_discharges"].value is None
    assert history.unexplained_mJ == 12


@given(st.lists(st.floats(0, 1), min_size=3, max_size=30))
@example([1.0, 0.0, 1e-217, 0.0, 1.0])  # steps whose product is too small for a float
@settings(max_examples=100, deadline=None)
def test_full_cycles_are_half_of_all_the_way_that_the_charge_went(charges):
    """Rainflow takes a path apart and loses none of it; small cycles are left out below."""
    figure = wear.full_cycles(charges)
    way = sum(abs(b - a) for a, b in pairwise(charges)) / 2
    if figure.value is None:
        assert way == pytest.approx(0, abs=1e-9)
        return
    assert figure.low <= figure.value <= figure.high
    assert 1000 * (way - 0.01 * len(charges)) - 1 <= figure.value <= 1000 * way + 1


def test_hot_time_ends_with_its_transfer():
    coil = [CoilMoment(0, 1, 50), CoilMoment(30, 1, 44), CoilMoment(50, 1, 40)]
    coil += [CoilMoment(1000, 2, 60), CoilMoment(2000, 2, 60)]
    figure = wear.hot_time(coil)
    assert (figure.low, figure.value, figure.high) == (90, 90, 110)


def test_deep_discharges_are_falls_and_not_moments():
    history = told(*(replace(READING, soc_permille=each) for each in (40, 30, 200, 50, 300)))
    assert wear.events(history)["deep_discharges"].value == 2
