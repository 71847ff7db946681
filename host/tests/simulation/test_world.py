# SPDX-License-Identifier: MIT
"""The event simulation by hand: what ends transfers, what cords do, what is conserved."""

from math import inf

import numpy as np
import pytest

from crowdcharge.policy import Offer, make
from crowdcharge.simulation.board import SimulatedBoard
from crowdcharge.simulation.contacts import Contact, random_meetings
from crowdcharge.simulation.engine import simulate
from crowdcharge.simulation.link import LinkModel
from crowdcharge.simulation.world import CordHabit, World


class Always:
    """Offers this much from a to b."""

    name = "always"

    def __init__(self, energy_J):
        self.energy_J, self.asked_s = energy_J, []

    def decide(self, encounter, views, now_s, rng):
        self.asked_s.append(now_s)
        return Offer(encounter.a, encounter.b, self.energy_J)


HALF = LinkModel(2.0, 0.5)


def world(boards, contacts, offer_J=30.0, link=HALF, **options):
    policy = Always(offer_J)
    made = World(boards, contacts, policy, link, np.random.default_rng(0), **options)
    return made, policy


def two(energy_1=80.0, energy_2=10.0, **options):
    return [SimulatedBoard(1, 100.0, energy_1, **options), SimulatedBoard(2, 100.0, energy_2)]


@pytest.mark.parametrize(
    ("boards", "contact_s", "offer_J", "why", "end_s", "sent_J"),
    [
        (two(), 100, 30, "done", 15, 30),  # 2 W for 15 s
        (two(), 9, 30, "parted", 9, 18),
        (two(30.0), 100, 30, "floor", 5, 10),  # 20 J stay
        (two(80, 95), 100, 30, "full", 5, 10),  # 5 J arrive at half efficiency
        (two(80, leaves_s=4), 100, 30, "left", 4, 8),
        (two(80, cords=((6, 20),)), 100, 30, "cord", 6, 12),
        (two(80, load_W=2.0), 100, 1000, "floor", 15, 30),  # 60 J at 4 W, half of it sent
    ],
)
def test_what_ends_a_transfer(boards, contact_s, offer_J, why, end_s, sent_J):
    made, _ = world(boards, [Contact(0, contact_s, 1, 2)], offer_J, habit=CordHabit(0.0))
    made.run_to(200)
    (transfer,) = made.transfers
    assert (transfer.ended_by, transfer.end_s) == (why, pytest.approx(end_s))
    assert transfer.sent_J == pytest.approx(sent_J)
    assert transfer.received_J == pytest.approx(sent_J / 2)
    assert made.boards[1].sent_J == pytest.approx(sent_J)


def test_start_up_energy_never_arrives():
    made, _ = world(two(), [Contact(0, 100, 1, 2)], 30, LinkModel(2.0, 0.5, start_J=4.0))
    made.run_to(100)
    assert made.transfers[0].received_J == pytest.approx((30 - 4) / 2)


def test_without_a_power_limit_transfers_are_instant():
    made, _ = world(two(), [Contact(7, 7, 1, 2)], 30, LinkModel(inf, 0.5, start_J=2.0))
    made.run_to(10)
    assert (made.transfers[0].sent_J, made.transfers[0].received_J) == (30, 14)
    assert made.boards[2].energy_J == 24


def test_a_busy_board_is_asked_when_it_is_free_and_only_once():
    boards = [*two(), SimulatedBoard(3, 100.0, 10.0)]
    contacts = [Contact(0, 40, 1, 2), Contact(1, 30, 1, 3), Contact(2, 9, 2, 3)]
    made, policy = world(boards, contacts)
    made.run_to(100)
    assert policy.asked_s == [0, 15]  # 2 and 3 part before 2 is free
    assert [(t.prx.id, t.start_s) for t in made.transfers] == [(2, 0), (3, 15)]


def on_a_pad(energy_J, *receivers_J, contact_s=100, offer_J=30.0, pad=True, **options):
    """Board 1 lies under all others from the start."""
    boards = [SimulatedBoard(1, 100.0, energy_J, pad=pad)]
    boards += [SimulatedBoard(k, 100.0, each_J) for k, each_J in enumerate(receivers_J, 2)]
    contacts = [Contact(0, contact_s, 1, each.id) for each in boards[1:]]
    return world(boards, contacts, offer_J, **options)[0]


@pytest.mark.parametrize(
    ("pad_J", "receivers_J", "contact_s", "ends"),
    [
        (95, (10, 10), 100, [(15, 30, "done"), (15, 30, "done")]),  # 2 W each for 15 s
        (80, (10, 10, 10), 100, [(10, 20, "floor")] * 3),  # 60 J at 6 W
        (95, (10, 97), 100, [(15, 30, "done"), (3, 6, "full")]),  # 3 J at half of 2 W
        (95, (10, 10), 4, [(4, 8, "parted")] * 2),
    ],
)
def test_a_pad_gives_to_all_at_once(pad_J, receivers_J, contact_s, ends):
    made = on_a_pad(pad_J, *receivers_J, contact_s=contact_s)
    made.run_to(200)
    assert [(t.end_s, t.sent_J, t.ended_by) for t in made.transfers] == [
        (pytest.approx(end_s), pytest.approx(sent_J), why) for end_s, sent_J, why in ends
    ]
    assert made.boards[1].sent_J == pytest.approx(sum(t.sent_J for t in made.transfers))
    assert made.boards[1].tx_W == 0


def test_without_a_pad_one_is_served_after_the_other():
    made = on_a_pad(95, 10, 10, pad=False)
    made.run_to(200)
    assert [(t.start_s, t.end_s) for t in made.transfers] == [(0, 15), (15, 30)]


def test_a_pad_gives_to_six_at_most_and_takes_nothing_meanwhile():
    made = on_a_pad(95, *[10] * 7, offer_J=10.0)
    made.run_to(5)
    assert [t.start_s for t in made.transfers] == [0] * 6 + [5]
    boards = [SimulatedBoard(1, 100.0, 80.0, pad=True), *two()[1:], SimulatedBoard(3, 100.0, 90.0)]
    made, _ = world(boards, [Contact(0, 50, 1, 2), Contact(1, 50, 3, 1)])
    made.run_to(10)
    assert [(t.ptx.id, t.prx.id) for t in made.transfers] == [(1, 2)]


def test_arrivals_meet_when_they_come():
    boards = [SimulatedBoard(1, 100.0, 80.0, arrives_s=5.0), SimulatedBoard(2, 100.0, 10.0)]
    made, policy = world(boards, [Contact(0, 40, 1, 2)])
    made.run_to(4)
    assert list(made) == [2]
    made.run_to(50)
    assert policy.asked_s == [5]


def test_loads_run_batteries_empty_and_cords_fill_them():
    empty = SimulatedBoard(1, 100.0, 10.0, load_W=1.0)
    made, _ = world([empty], [])
    made.run_to(25)
    assert (empty.energy_J, empty.used_J, empty.outage_s, empty.outages) == (0, 10, 15, 1)
    # 50 J at 1 W: plugged at 30 J after 20 s, +4 W to 80 J after 12.5 s more, again 50 s later.
    cared = SimulatedBoard(1, 100.0, 50.0, load_W=1.0)
    made, _ = world([cared], [], habit=CordHabit(5.0, 30.0, 80.0))
    made.run_to(83)
    assert cared.sessions == 2
    assert cared.energy_J == pytest.approx(30 + 4 * 0.5)
    assert cared.cord_J == pytest.approx(5 * 13)


@pytest.mark.parametrize("link", [LinkModel(), LinkModel(3.0, 0.7, 0.5)])
def test_energy_is_conserved_with_everything_going_on(link):
    rng = np.random.default_rng(6)
    boards = [
        SimulatedBoard(
            k,
            float(rng.uniform(50, 200)),
            float(rng.uniform(0, 50)),
            load_W=float(rng.uniform(0, 0.2)),
            arrives_s=float(rng.choice([0, 100])),
            pad=bool(k % 4 == 0),
            leaves_s=float(rng.choice([inf, 700])),
        )
        for k in range(20)
    ]
    start_J = sum(board.energy_J for board in boards)
    contacts = random_meetings(range(20), 800, 1.0, 30.0, seed=2)
    made = World(
        boards,
        contacts,
        make("online-average", weights="capacity"),
        link,
        rng,
        10.0,
        CordHabit(5.0),
    )
    made.run_to(1000)
    total = {
        name: sum(getattr(board, name) for board in boards)
        for name in ("energy_J", "sent_J", "received_J", "used_J", "cord_J")
    }
    assert len(made.transfers) > 20
    assert total["sent_J"] > 0 < total["cord_J"]
    assert total["energy_J"] == pytest.approx(
        start_J + total["received_J"] + total["cord_J"] - total["sent_J"] - total["used_J"]
    )
    lost_J = link.start_J * len(made.transfers)
    assert total["received_J"] >= link.efficiency * (total["sent_J"] - lost_J) - 1e-6
    assert total["received_J"] <= link.efficiency * total["sent_J"] + 1e-6
    assert all(0 <= board.energy_J <= board.capacity_J * (1 + 1e-12) for board in boards)
    assert {t.ended_by for t in made.transfers} >= (
        {"done"} if link.power_W == inf else {"done", "parted"}
    )


def test_instant_world_is_the_closed_crowd():
    """No loads, no floor, no limits: the same meetings give what `simulate` gives."""
    fast = simulate("online-average", 40, 1500, 0.2, seed=5)
    boards = [SimulatedBoard(k, 1e6, float(e)) for k, e in enumerate(fast.initial_J)]
    meetings = random_meetings(range(40), 1500, 1.0, 0.5, seed=5)
    policy, rng = make("online-average"), np.random.default_rng(0)
    made = World(boards, meetings, policy, LinkModel(efficiency=0.8), rng, floor_pct=0)
    made.run_to(2000)
    assert [board.energy_J for board in boards] == pytest.approx(fast.final_J.tolist(), rel=1e-9)
