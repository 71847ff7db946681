# SPDX-License-Identifier: MIT
"""The plant: exact conservation, independence of the tick, each law against its closed form."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.bench.physics.battery import Cell, open_circuit_V
from crowdcharge.bench.physics.coil import CoilLink
from crowdcharge.bench.physics.plant import Node, Placement, Plant
from crowdcharge.bench.physics.thermal import Lump, ntc_share

LINK = CoilLink()
EXACT = settings(derandomize=True, deadline=None, max_examples=30)


def plant_of(*socs: float, contacts: tuple[tuple[int, int], ...] = ((1, 2),)) -> Plant:
    nodes = [Node(index + 1, Cell(100.0), 0) for index in range(len(socs))]
    for node, soc in zip(nodes, socs, strict=True):
        node.set_soc(soc)
    plant = Plant(nodes, LINK)
    plant.set_contacts(Placement(pair) for pair in contacts)
    return plant


def transferring(donor_soc: float = 0.9, receiver_soc: float = 0.3) -> Plant:
    plant = plant_of(donor_soc, receiver_soc)
    plant.nodes[1].tx_on = plant.nodes[2].rx_on = True
    plant.step(1.0)
    return plant


def total_nJ(plant: Plant) -> int:
    return sum(node.stored_nJ + node.heat_nJ + node.loss_nJ for node in plant.nodes.values())


steps = st.lists(
    st.tuples(
        st.floats(0.001, 3.0),
        st.integers(1, 4),
        st.sampled_from(["tx_on", "rx_on", "foreign", "limit", "contacts", "pad"]),
        st.integers(0, 3),
    ),
    max_size=25,
)


@EXACT
@given(st.lists(st.floats(0, 1), min_size=4, max_size=4), steps)
def test_energy_is_conserved_to_the_last_nanojoule(socs, actions):
    plant = plant_of(*socs, contacts=((1, 2), (3, 4)))
    for node in plant.nodes.values():
        node.idle_W = 0.05
    before_nJ = total_nJ(plant)
    for dt_s, board_id, what, value in actions:
        node = plant.nodes[board_id]
        if what == "foreign":
            node.foreign_W = float(value)
        elif what == "limit":
            node.tx_limit_W = float(value) or None
        elif what == "contacts":
            pairs = [((1, 2), (3, 4)), ((1, 3),), ((2, 3), (1, 4)), ()][value]
            plant.set_contacts(Placement(pair, offset_mm=4.0 * value) for pair in pairs)
        elif what == "pad":
            pairs = [((1, 2), (1, 3), (1, 4)), ((1, 3), (1, 2)), ((4, 3), (4, 1)), ()][value]
            plant.set_contacts(Placement(pair, offset_mm=4.0 * value) for pair in pairs)
        else:
            setattr(node, what, value > 1)
        plant.step(dt_s)
        nodes = plant.nodes.values()
        sent_nJ, received_nJ = sum(n.sent_nJ for n in nodes), sum(n.received_nJ for n in nodes)
        assert total_nJ(plant) == before_nJ
        assert sent_nJ == received_nJ + sum(n.loss_nJ for n in nodes)
        assert sent_nJ >= received_nJ
        assert all(0 <= n.stored_nJ <= 100_000_000_000 for n in nodes)


@EXACT
@given(st.lists(st.floats(0.0005, 0.5), min_size=1, max_size=60))
def test_result_does_not_depend_on_the_tick(ticks_s):
    def run(parts_s):
        plant = plant_of(0.9, 0.3)
        plant.nodes[1].tx_on = plant.nodes[2].rx_on = True
        for part_s in parts_s:
            plant.step(part_s)
        return plant

    ticked, whole = run(ticks_s), run([math.fsum(ticks_s)])
    for board_id in (1, 2):
        one, other = ticked.nodes[board_id], whole.nodes[board_id]
        step_nJ = 4.5e9 * 0.01  # the handshake ends within one integration step of its time
        assert one.sent_nJ == pytest.approx(other.sent_nJ, rel=1e-3, abs=step_nJ)
        assert one.received_nJ == pytest.approx(other.received_nJ, rel=1e-3, abs=step_nJ)
        assert one.soc == pytest.approx(other.soc, abs=1e-3)


def test_a_100_J_cell_gains_a_percent_in_under_half_a_second():
    plant = transferring()
    before = plant.nodes[2].soc
    plant.step(0.45)
    assert plant.nodes[2].soc - before == pytest.approx(0.01, abs=0.0005)


def test_meters_see_what_the_accounts_book():
    plant = transferring()
    donor, receiver = plant.nodes[1], plant.nodes[2]
    sent_nJ, received_nJ = donor.sent_nJ, receiver.received_nJ
    plant.step(0.01)
    assert donor.tx_A * donor.tx_bus_V * 1e7 == pytest.approx(donor.sent_nJ - sent_nJ, rel=1e-3)
    power_W = receiver.rx_A * receiver.rx_bus_V
    assert power_W * 1e7 == pytest.approx(receiver.received_nJ - received_nJ, rel=1e-6)
    assert power_W == pytest.approx(LINK.power_W)


def test_no_power_before_the_handshake_and_none_without_a_receiver():
    plant = plant_of(0.9, 0.3)
    plant.nodes[1].tx_on = plant.nodes[2].rx_on = True
    plant.step(LINK.handshake_s - 0.02)
    assert plant.nodes[2].rx_bus_V == 0.0
    assert plant.nodes[2].received_nJ == 0
    plant.step(0.1)
    assert plant.nodes[2].received_nJ > 0
    plant.set_contacts([])
    plant.step(0.1)
    sent_nJ, received_nJ = plant.nodes[1].sent_nJ, plant.nodes[2].received_nJ
    plant.step(1.0)
    assert plant.nodes[2].received_nJ == received_nJ
    pinged_W = LINK.ping_W * LINK.ping_s / LINK.ping_every_s
    assert plant.nodes[1].sent_nJ - sent_nJ == pytest.approx(pinged_W * 1e9, rel=0.25)


def test_a_receiver_that_is_not_enabled_sees_the_field_and_takes_nothing():
    plant = plant_of(0.9, 0.3)
    plant.nodes[1].tx_on = True
    plant.step(1.0)
    assert plant.nodes[2].rx_bus_V == LINK.output_V
    assert plant.nodes[2].received_nJ == 0


def test_too_far_off_centre_there_is_no_link():
    plant = plant_of(0.9, 0.3)
    plant.nodes[1].tx_on = plant.nodes[2].rx_on = True
    plant.set_contacts([Placement((1, 2), offset_mm=18.0)])
    plant.step(2.0)
    assert plant.nodes[2].rx_bus_V == 0.0


def test_a_cell_at_its_end_of_charge_tapers_and_never_overfills():
    plant = transferring(receiver_soc=0.97)
    currents_A = []
    for _ in range(40):
        plant.step(0.5)
        currents_A.append(-plant.nodes[2].cell_A)
    assert currents_A == sorted(currents_A, reverse=True)
    assert currents_A[-1] < currents_A[0] / 20
    assert 0.99 < plant.nodes[2].soc <= 1.0


def test_an_empty_donor_stops():
    plant = transferring(donor_soc=0.02)
    plant.step(60.0)
    assert plant.nodes[1].stored_nJ < 100_000_000
    received_nJ = plant.nodes[2].received_nJ
    plant.step(10.0)
    assert plant.nodes[2].received_nJ - received_nJ < 100_000_000


def test_a_foreign_object_costs_what_it_takes():
    clean, coin = transferring(), transferring()
    coin.nodes[1].foreign_W = 0.5
    clean_nJ, coin_nJ = clean.nodes[1].sent_nJ, coin.nodes[1].sent_nJ
    clean.step(1.0)
    coin.step(1.0)
    extra_nJ = (coin.nodes[1].sent_nJ - coin_nJ) - (clean.nodes[1].sent_nJ - clean_nJ)
    assert extra_nJ == pytest.approx(0.5e9, rel=1e-3)
    assert coin.nodes[2].received_nJ == clean.nodes[2].received_nJ


@pytest.mark.parametrize(
    ("received_W", "efficiency"), [(2.5, 0.63), (1.0, 0.60), (0.25, 0.42), (0.05, 0.16)]
)
def test_efficiency_at_loads(received_W, efficiency):
    assert received_W / LINK.sent_W(received_W, 1.0) == pytest.approx(efficiency, abs=0.01)


@EXACT
@given(st.floats(0, 10), st.floats(0.4, 1.0))
def test_power_limit_is_the_inverse_of_the_loss_curve(received_W, coupling):
    sent_W = LINK.sent_W(received_W, coupling)
    assert LINK.received_W(sent_W, coupling) == pytest.approx(received_W, abs=1e-9)


@EXACT
@given(st.floats(0.05, 1.0), st.floats(0, 8))
def test_cell_currents_solve_their_power_equation(soc, power_W):
    cell, ocv_V = Cell(100.0, charge_max_A=100.0, charge_max_V=10.0), open_circuit_V(soc)
    out_A, in_A = cell.discharge_A(ocv_V, power_W, 0.1), cell.charge_A(ocv_V, power_W)
    assert (ocv_V - out_A * 0.2) * out_A == pytest.approx(power_W, abs=1e-9)
    assert (ocv_V + in_A * 0.1) * in_A == pytest.approx(power_W, abs=1e-9)


def test_open_circuit_voltage_rises_with_charge():
    volts = [open_circuit_V(soc / 1000) for soc in range(-10, 1011)]
    assert volts == sorted(volts)
    assert (volts[0], volts[-1]) == (3.0, 4.2)


def test_a_lump_warms_as_first_order_does_in_any_number_of_steps():
    once, often = Lump(25.0, 15.0, 10.0), Lump(25.0, 15.0, 10.0)
    once.step(150.0, 2.0 * 150.0)
    for _ in range(1500):
        often.step(0.1, 0.2)
    assert once.temperature_C == pytest.approx(25 + 30 * (1 - math.exp(-1)))
    assert often.temperature_C == pytest.approx(once.temperature_C)


def test_thermistor_share_at_known_points():
    """10 kOhm, B 3950: 60 degC is 2.49 kOhm, 0 degC 33.6 kOhm by the beta equation."""
    assert ntc_share(25.0, 10_000, 3950, 10_000) == pytest.approx(0.5)
    assert ntc_share(60.0, 10_000, 3950, 10_000) == pytest.approx(2.49 / 12.49, rel=0.01)
    assert ntc_share(0.0, 10_000, 3950, 10_000) == pytest.approx(33.6 / 43.6, rel=0.01)


def _powers_W(plant: Plant, seconds: float, dt_s: float = 0.005) -> list[float]:
    donor = plant.nodes[1]
    seen = []
    for _ in range(round(seconds / dt_s)):
        plant.step(dt_s)
        seen.append(donor.tx_A * donor.tx_bus_V)
    return seen


def test_pings_are_short_and_strong_and_there_is_nothing_between():
    """A meter that looks at an instant sees 0.5 W or nothing, and never the mean of 81 mW."""
    plant = plant_of(0.9, contacts=())
    plant.nodes[1].tx_on = True
    plant.step(0.4)
    seen = _powers_W(plant, 4.0)
    on = [each for each in seen if each > 0.45]
    off = [each for each in seen if each < 0.01]
    assert len(on) + len(off) >= 0.95 * len(seen)
    assert len(on) / len(seen) == pytest.approx(LINK.ping_s / LINK.ping_every_s, rel=0.1)


def test_a_receiver_that_comes_between_pings_waits_for_the_next():
    plant = plant_of(0.9, 0.3, contacts=())
    plant.nodes[1].tx_on = plant.nodes[2].rx_on = True
    plant.step(0.5)
    plant.set_contacts([Placement((1, 2))])
    plant.step(0.2)
    assert plant.nodes[1].coupled_s == 0.0
    plant.step(0.2 + LINK.handshake_s)
    assert plant.nodes[2].received_nJ > 0


def test_a_dead_receiver_leaves_the_idle_field():
    plant = plant_of(0.9, 0.3)
    plant.nodes[1].tx_on = True
    plant.step(1.0)
    assert _powers_W(plant, 1.0) == pytest.approx([LINK.fixed_W] * 200, rel=1e-4)


def test_inrush_and_start_up_peaks():
    plant = plant_of(0.9, 0.3)
    plant.nodes[1].tx_on = plant.nodes[2].rx_on = True
    seen = _powers_W(plant, 1.0, 0.001)
    steady_W = seen[-1]
    assert max(seen[:3]) > LINK.inrush_W * 0.9
    peak = [each for each in seen if each > steady_W + 1.0]
    assert len(peak) * 0.001 == pytest.approx(LINK.startup_s + LINK.inrush_s, abs=0.005)


def test_kind_has_the_same_mean_and_no_peaks():
    plant = Plant([Node(1, Cell(100.0), 90_000_000_000)], LINK.averaged())
    plant.nodes[1].tx_on = True
    mean_W = LINK.ping_W * LINK.ping_s / LINK.ping_every_s
    assert _powers_W(plant, 2.0) == pytest.approx([mean_W] * 400, rel=1e-4)


def test_a_charged_cell_takes_minutes_to_rest_and_only_its_gauge_sees_it():
    plant = transferring()
    plant.step(5.0)
    node = plant.nodes[2]
    assert node.relax_V > 0.001
    plant.nodes[1].tx_on = False
    plant.step(0.2)
    high_V = node.relax_V
    plant.step(120.0)
    assert node.relax_V == pytest.approx(high_V * math.exp(-1), rel=0.02)
    assert node.cell_V == pytest.approx(node.ocv_V)


def pad_of(*receivers: tuple[float, float], pad_soc: float = 0.95) -> Plant:
    """Board 1 is the pad; (charge, offset in mm) of each board on it. All switches are on."""
    plant = plant_of(pad_soc, *(soc for soc, _ in receivers), contacts=())
    offsets_mm = [offset_mm for _, offset_mm in receivers]
    plant.set_contacts(Placement((1, k + 2), offset_mm=x) for k, x in enumerate(offsets_mm))
    plant.nodes[1].tx_on = True
    for k in range(len(receivers)):
        plant.nodes[k + 2].rx_on = True
    plant.step(1.0)
    return plant


@EXACT
@given(st.lists(st.tuples(st.floats(0.05, 0.9), st.floats(0, 12)), min_size=1, max_size=4))
def test_a_pad_sends_what_its_receivers_draw_together(receivers):
    """c + b sum(P / coupling) + a (sum P)^2, written out from the page and not by the code."""
    plant = pad_of(*receivers)
    before = [node.received_nJ for node in plant.nodes.values()]
    sent_nJ = plant.nodes[1].sent_nJ
    plant.step(0.01)
    drawn_W = [
        (node.received_nJ - was_nJ) / 1e7
        for node, was_nJ in zip(plant.nodes.values(), before, strict=True)
    ][1:]
    couplings = [math.exp(-((x / LINK.offset_scale_mm) ** 2)) for _, x in receivers]
    expected_W = (
        0.25
        + 1.35 * sum(W / coupling for W, coupling in zip(drawn_W, couplings, strict=True))
        + 0.05 * sum(drawn_W) ** 2
    )
    assert (plant.nodes[1].sent_nJ - sent_nJ) / 1e7 == pytest.approx(expected_W, rel=1e-6)


def test_a_pad_with_one_receiver_is_a_pair():
    pair, pad = transferring(0.9, 0.3), pad_of((0.3, 0.0), pad_soc=0.9)
    for board_id in (1, 2):
        assert vars_of(pair.nodes[board_id]) == vars_of(pad.nodes[board_id])


def vars_of(node: Node) -> tuple[int, ...]:
    return (node.sent_nJ, node.received_nJ, node.stored_nJ, node.loss_nJ, node.heat_nJ)


def test_who_comes_late_shakes_hands_first_while_the_others_go_on():
    plant = pad_of((0.3, 0.0), (0.3, 0.0))
    plant.set_contacts([Placement((1, 2))])
    plant.step(0.5)
    had_nJ = [plant.nodes[k].received_nJ for k in (2, 3)]
    plant.set_contacts([Placement((1, 2)), Placement((1, 3))])
    plant.step(LINK.handshake_s - 0.02)
    assert plant.nodes[3].received_nJ == had_nJ[1] and plant.nodes[2].received_nJ > had_nJ[0]
    plant.step(0.1)
    assert plant.nodes[3].received_nJ > had_nJ[1]


def test_a_limited_pad_cuts_all_by_the_same_share():
    plant = pad_of((0.3, 0.0), (0.3, 8.0))
    free_W = [plant.nodes[k].rx_A * plant.nodes[k].rx_bus_V for k in (2, 3)]
    plant.nodes[1].tx_limit_W = 3.0
    plant.step(0.01)
    cut_W = [plant.nodes[k].rx_A * plant.nodes[k].rx_bus_V for k in (2, 3)]
    assert plant.nodes[1].tx_A * plant.nodes[1].tx_bus_V == pytest.approx(3.0, rel=1e-3)
    assert cut_W[0] / free_W[0] == pytest.approx(cut_W[1] / free_W[1], rel=0.02)
