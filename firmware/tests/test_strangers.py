# SPDX-License-Identifier: MIT
"""Two boards of no common crowd: one transfer after a press of both buttons, and nothing else."""

import hashlib

from peers import Node, STEP_ms, Stranger, membership, receipts
from strangers import PEER_AND_PRESS, asked, ended, gave_nothing, laid, pressed
from support import Host
from wptcore import ept, mandate, press, wire
from wptcore.consent import CROWD, HOST, STRANGERS


def test_a_press_of_both_lets_one_give_to_the_other_and_both_sign():
    room = pressed(laid()).run(3000)
    giver, taker = room.nodes
    assert giver.board.coil_on and taker.board.receiver_on
    ended(room)
    sent, received = receipts(giver)[0], receipts(taker)[0]
    assert sent[2] == received[2]
    assert (sent[3], sent[4], received[3], received[4]) == (wire.PTX, 2, wire.PRX, 1)
    assert 29_000 < sent[5] < 31_000  # half of the difference, as between members
    assert sent[13:] == received[13:] == (0, 2, PEER_AND_PRESS)


def test_the_order_of_the_presses_does_not_matter():
    room = laid()
    giver, taker = room.nodes
    giver.press()
    room.run(8000)
    taker.press()
    assert room.run(3000).nodes[0].board.coil_on


def test_a_member_of_a_crowd_may_meet_a_stranger_of_a_members_number_too():
    room = laid()
    member = Stranger(3, 300, gives_to=HOST | CROWD | STRANGERS)
    member.crowd = membership(3)
    member._membership = lambda: Node._membership(member)
    member.boot()
    room.nodes = (room.nodes[0], member)
    assert pressed(room).run(3000).nodes[0].board.coil_on


# -- when nothing is given --


def test_one_press_gives_nothing():
    for who in (0, 1):
        room = laid()
        room.nodes[who].press()
        assert gave_nothing(room.run(30_000))
        assert bool(room.heard) == (who == 1)  # only the taker asks


def test_a_press_that_comes_too_late_gives_nothing():
    assert pressed(laid(), press.WINDOW_ms - 1000).run(3000).nodes[0].board.coil_on
    room = pressed(laid(), press.WINDOW_ms + 500).run(30_000)
    assert gave_nothing(room) and room.nodes[1].taker.refused_by == ept.NOT_PRESSED


def test_a_board_whose_owner_has_not_consented_takes_no_part():
    assert gave_nothing(pressed(laid(gives_to=HOST)).run(20_000))
    room = laid()
    taker = room.nodes[1]
    taker.consent = (HOST, 0)
    taker.boot()
    assert gave_nothing(pressed(room).run(20_000)) and not room.heard


def test_it_is_one_transfer_for_one_press_of_both():
    room = ended(pressed(laid()).run(3000))
    giver, taker = room.nodes
    sent_mJ = giver.board.figures[5]
    taker.stored_uJ = 50 * taker.capacity_mJ  # it could take more
    room.run(30_000)
    taker.press()  # and one press is none
    room.run(30_000)
    assert giver.board.figures[5] == sent_mJ and len(receipts(giver)) == 1
    room.nodes[1].press()
    giver.press()
    room.run(4000)
    assert giver.board.coil_on


def test_more_than_one_watt_and_more_than_ten_minutes_are_refused():
    room = pressed(laid())
    giver, taker = room.nodes
    while not taker.board.is_running:  # an offer stands, and the grant is on its way
        room.step()
    asked_for = wire.unpack_body(taker.taker.pop_frame())
    number, energy_mJ = asked_for[0], asked_for[6]

    def grant(power_mW, duration_ms, flags=PEER_AND_PRESS):
        limits = (power_mW, energy_mJ, duration_ms, 0, 999, flags)
        return asked(giver, taker, wire.GRANT, number, wire.PTX, 2, 0, 2, *limits)[1]

    assert grant(1001, 1000) == ept.UNCALIBRATED
    assert grant(1000, press.DURATION_MAX_ms + 1) == ept.OUT_OF_RANGE
    assert grant(1000, 1000, wire.GRANTED_BY_PEER) == ept.NOT_FOR_PEERS
    assert grant(1000, press.DURATION_MAX_ms) == ept.NONE
    assert giver.board.is_running


def test_a_taker_opens_for_one_watt_whatever_it_is_offered():
    room = pressed(laid())
    giver, taker = room.nodes
    giver.desk._offer = lambda *_: (wire.PEER_OFFER, 30_000, 5000, ept.NONE)
    while not taker.board.is_running:
        room.step()
    running = taker.board._running
    assert (running.power_max_mW, running.duration_max_ms) == (1000, press.DURATION_MAX_ms)


def test_more_than_one_watt_that_flows_ends_it():
    room = laid()
    room.sent_mA = 300  # 1.2 W at 4 V, whatever was granted
    pressed(room).run(5000)
    assert receipts(room.nodes[0])[0][9] == ept.POWER_BUDGET
    assert room.nodes[0].board.figures[5] < 400


# -- limits that go on as ever --


def test_the_floor_and_the_days_quota_hold():
    room = pressed(laid(giver_permille=260, taker_permille=50)).run(60_000)
    assert receipts(room.nodes[0])[0][9] == ept.FLOOR
    room = pressed(laid(day_mJ=5000)).run(60_000)
    assert 4900 <= room.nodes[0].board.figures[5] <= 5050
    assert gave_nothing(pressed(laid(giver_permille=150, taker_permille=50)).run(20_000))


def test_a_lost_stranger_ends_the_lease():
    room = pressed(laid()).run(3000)
    giver, taker = room.nodes
    taker.alive = False
    room.run(4000 + 2 * STEP_ms)
    assert not giver.board.coil_on and giver.board.ended_by == ept.PEER_LOST


def test_a_hold_a_host_and_the_owners_off_forbid_it():
    room = laid()
    giver = room.nodes[0]
    giver.desk.hold(giver.board, True)
    assert gave_nothing(pressed(room).run(20_000))
    room = laid()
    Host(room.nodes[0].board, link=9, key=room.nodes[0].key).hello()
    assert gave_nothing(pressed(room).run(8000))
    room = laid()
    room.nodes[0].board.on_button(5000)
    assert gave_nothing(pressed(room).run(20_000))


def test_a_long_press_ends_it():
    room = pressed(laid()).run(3000)
    room.nodes[0].board.on_button(5000)
    assert receipts(room.nodes[0])[0][9] == ept.OWNER_OFF


def test_a_reboot_forgets_the_press():
    room = laid()
    giver, taker = room.nodes
    giver.press()
    room.reboot(giver)
    taker.press()
    assert gave_nothing(room.run(20_000))


# -- owners --


OWNER_KEY = bytes(range(32, 64))


def signed(number, gives_to, flags=0):
    fields = (1, number, gives_to, 0, 0, flags, 0, 0, 0, 0, 1000, 0)
    return mandate.pack(hashlib.sha256, OWNER_KEY, fields)


def test_a_mandate_allows_forbids_and_ends_it():
    room = laid(gives_to=HOST, owner_key=OWNER_KEY)
    giver = room.nodes[0]
    giver.board.take_mandate(signed(1, HOST | STRANGERS))
    pressed(room).run(3000)
    assert giver.board.coil_on
    giver.board.take_mandate(signed(2, HOST))
    assert not giver.board.coil_on and receipts(giver)[0][9] == ept.NO_CONSENT


def test_the_press_is_the_yes_of_an_owner_who_wants_to_be_asked():
    room = laid(owner_key=OWNER_KEY)
    giver = room.nodes[0]
    giver.board.take_mandate(signed(1, HOST | STRANGERS, mandate.ASK_FIRST))
    pressed(room).run(3000)
    assert giver.board.coil_on
    host = Host(giver.board, link=9, key=giver.key).hello()
    giver.board.stop(giver.board.ack_fields()[2])
    assert host.grant(transfer_id=77, power_max_mW=900) == ept.OWNER_ASKED
    giver.press()  # and the press that answers is none for strangers
    assert not giver.desk.press.left_ms
