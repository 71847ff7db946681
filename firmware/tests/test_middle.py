# SPDX-License-Identifier: MIT
"""What one in the middle of two strangers can do (docs/adr/0034), and where it ends.

Each claim of the table in docs/explanation/security.md is one test; test_peer_schedules.py lets
him write whatever fits in a frame.
"""

import hashlib

from middle import Middle
from peers import LINK, STEP_ms, Stranger, receipts
from strangers import PEER_AND_PRESS, ended, pressed
from wptcore import auth, ept, press, wire

ONE_W_mW = 1000
ENERGY_MAX_mJ = ONE_W_mW * press.DURATION_MAX_ms // 1000


def between(rewrite=None, giver_permille=900, taker_permille=300, numbers=(2, 1), **giver):
    giver = Stranger(1, giver_permille, **giver)
    return pressed(Middle(giver, Stranger(2, taker_permille), rewrite, numbers))


def only(wanted, change):
    """Return a `rewrite` that changes the fields of one type of frame."""
    return lambda frame_type, fields: change(fields) if frame_type == wanted else fields


def codes(room, frame_type=wire.GRANT):
    return [
        fields[1] for kind, fields in room.answers if kind == wire.ACK and fields[0] == frame_type
    ]


def test_he_holds_both_keys_and_may_let_it_run_within_the_bounds_of_both():
    room = between().run(5000)
    giver, taker = room.nodes
    assert giver.board.coil_on and taker.board.receiver_on and all(room.sessions)
    for node in room.nodes:
        assert node.board._running.power_max_mW <= ONE_W_mW
        assert node.board._running.duration_max_ms <= press.DURATION_MAX_ms
    ended(room).run(60_000)
    for node in room.nodes:
        assert len(receipts(node)) == 1  # once, and no more without two presses
        assert receipts(node)[0][7] <= ONE_W_mW and receipts(node)[0][15] == PEER_AND_PRESS
    assert receipts(giver)[0][5] <= ENERGY_MAX_mJ


def test_without_a_press_of_both_he_gets_nothing():
    for fingers in ((), (0,), (1,)):
        room = Middle(Stranger(1, 900), Stranger(2, 300))
        for finger in fingers:
            room.nodes[finger].press()
        room.run(30_000)
        assert not any(receipts(node) for node in room.nodes) and not room.sessions[0]


def test_he_gets_no_more_power_and_no_more_time_from_the_giver():
    for change in (
        lambda grant: grant[:5] + (ONE_W_mW + 1,) + grant[6:],
        lambda grant: grant[:7] + (press.DURATION_MAX_ms + 1,) + grant[8:],
        lambda grant: grant[:6] + (grant[6] + 1,) + grant[7:],  # more than was offered
        lambda grant: grant[:10] + (wire.GRANTED_BY_PEER,),  # as if it were a member's
        lambda grant: grant[:10] + (0,),  # or a host's
        lambda grant: grant[:3] + (1,) + grant[4:],  # a group's
    ):
        room = between(only(wire.GRANT, change)).run(20_000)
        assert not receipts(room.nodes[0]) and not room.nodes[0].board.coil_on
        assert codes(room) and ept.NONE not in codes(room)


def test_what_he_offers_the_taker_opens_it_for_one_watt_and_ten_minutes():
    offer = only(wire.PEER_OFFER, lambda _offer: (10**9, 50_000, ept.NONE))
    room = between(offer)
    taker = room.nodes[1]
    while not taker.board.is_running and room.now_ms < 20_000:
        room.step()
    running = taker.board._running
    assert (running.power_max_mW, running.duration_max_ms) == (ONE_W_mW, press.DURATION_MAX_ms)
    room.run(20_000)
    assert not receipts(room.nodes[0]) and not taker.board.receiver_on  # no such offer stands


def test_he_cannot_report_more_than_was_sent():
    more = only(wire.RENEW, lambda renew: renew[:2] + (1300,) + renew[3:])
    room = ended(between(more).run(5000))
    assert receipts(room.nodes[0])[0][9] == ept.PEER_LOST
    assert receipts(room.nodes[0])[0][6] < 10_000


def test_metal_on_the_coil_and_false_reports_warm_it_with_one_watt_and_ten_minutes_at_most():
    """The worst that he can do: the taker gets nothing, and he reports that all arrives."""
    full = only(wire.RENEW, lambda renew: renew[:2] + (900,) + renew[3:])
    room = between(full)
    giver, taker = room.nodes
    giver.capacity_mJ *= 100  # a share that would last for hours
    giver.stored_uJ *= 100
    giver.board._limits.capacity_mJ *= 100
    room.arrives_permille = 0
    taker.board.renew = lambda *_: ept.NONE
    while room.now_ms < press.DURATION_MAX_ms + 20_000:
        room.step()
    receipt = receipts(giver)[0]
    assert receipt[5] <= ENERGY_MAX_mJ and receipt[6] <= press.DURATION_MAX_ms + STEP_ms
    assert receipt[7] <= ONE_W_mW and len(receipts(giver)) == 1


def test_floor_and_quota_hold_against_him():
    report = only(wire.RENEW, lambda renew: renew[:2] + (900,) + renew[3:])
    room = ended(between(report, giver_permille=260, taker_permille=50).run(5000))
    assert receipts(room.nodes[0])[0][9] == ept.FLOOR
    room = ended(between(report, day_mJ=5000).run(5000))
    assert receipts(room.nodes[0])[0][5] <= 5050


def test_he_may_stop_it_and_falls_silent_for_a_lease_at_most():
    room = between().run(5000)
    giver, taker = room.nodes
    room.rewrite = lambda _frame_type, _fields: None
    room.run(4000 + 2 * STEP_ms)
    assert not giver.board.coil_on and not taker.board.receiver_on
    assert receipts(giver)[0][9] == ept.PEER_LOST


def test_he_may_put_a_false_number_into_both_receipts_and_signs_neither():
    room = ended(between(numbers=(66, 77)).run(5000))
    giver, taker = room.nodes
    assert (receipts(giver)[0][4], receipts(taker)[0][4]) == (66, 77)
    assert receipts(giver)[0][2] != receipts(taker)[0][2]  # each number is of his own exchange
    for node, other in ((giver, taker), (taker, giver)):
        for raw in wire.split_receipts(node.board.receipts):
            body, tag = raw[: wire.RECEIPT_BODY_SIZE], raw[wire.RECEIPT_BODY_SIZE :]
            assert tag == auth.receipt_tag(hashlib.sha256, node.key, body)
            for key in [other.key] + room.keys + room.sessions:
                assert tag != auth.receipt_tag(hashlib.sha256, key, body)


def test_with_his_session_he_is_no_host():
    room = between().run(5000)
    giver = room.nodes[0]
    orders = (
        (wire.CLEAR, 1),
        (wire.CONFIGURE, wire.CONFIGURE_FLOOR_pct, 0),
        (wire.CONFIGURE, wire.CONFIGURE_HOLD, 0),
        (wire.PING, 9, 1000),
        (wire.ASK, wire.ASK_LIMITS),
        (wire.COLLECTED, receipts(giver)[0][2] if receipts(giver) else 1),
    )
    for number, (frame_type, *fields) in enumerate(orders):
        frame = wire.pack_frame(frame_type, 5000 + number, giver.board.now_ms + 1000, *fields)
        tag = auth.tag(hashlib.sha256, room.sessions[0], auth.FROM_HOST, frame)
        giver.board.on_command(LINK, frame + tag)
        while (reply := giver.board.pop_reply()) is not None:
            answer = wire.unpack_body(reply[1])
        assert answer[:2] == (frame_type, ept.NOT_FOR_PEERS)
