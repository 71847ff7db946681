# SPDX-License-Identifier: MIT
"""Two boards of no common crowd: one transfer after a press of both buttons, and nothing else."""

import hashlib

from peers import CROWD_ID, LINK, Node, Room, STEP_ms, Stranger, membership, receipts
from support import Host
from wptcore import auth, ept, mandate, press, wire, x25519
from wptcore.consent import CROWD, HOST, STRANGERS
from wptcore.peer_desk import Membership

PEER_AND_PRESS = wire.GRANTED_BY_PEER | wire.GRANTED_BY_PRESS


def laid(giver_permille=900, taker_permille=300, **giver):
    return Room(Stranger(1, giver_permille, **giver), Stranger(2, taker_permille))


def pressed(room, apart_ms=1000):
    """Both owners press, the taker's first."""
    giver, taker = room.nodes
    taker.press()
    room.run(apart_ms)
    giver.press()
    return room


def ended(room):
    while any(node.board.is_running for node in room.nodes):
        room.step()
    return room


def gave_nothing(room):
    giver = room.nodes[0]
    return not giver.board.coil_on and not giver.board.receipts


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


def test_the_session_of_an_exchange_is_good_for_no_second_one():
    room = pressed(laid()).run(3000)
    giver, taker = room.nodes
    transfer_id = giver.board.ack_fields()[2]
    giver.board.stop(transfer_id)
    assert asked(giver, taker, wire.PEER_WISH, 300, 100_000, 50_000)[3] == ept.NOT_PRESSED
    energy_mJ = giver.desk._offers[0][1]
    for number in (transfer_id, 9):
        limits = (900, energy_mJ, 999, 0, 999, PEER_AND_PRESS)
        code = asked(giver, taker, wire.GRANT, number, wire.PTX, 2, 0, 2, *limits)[1]
        assert code == ept.NOT_PRESSED
    assert not giver.board.coil_on and not giver.desk.press.key


def test_more_than_one_watt_and_more_than_ten_minutes_are_refused():
    room = pressed(laid())
    giver, taker = room.nodes
    while not taker.board.is_running:  # an offer stands, and the grant is on its way
        room.step()
    energy_mJ = giver.desk._offers[0][1]

    def grant(power_mW, duration_ms, flags=PEER_AND_PRESS):
        limits = (power_mW, energy_mJ, duration_ms, 0, 999, flags)
        return asked(giver, taker, wire.GRANT, 9, wire.PTX, 2, 0, 2, *limits)[1]

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


def third(giver):
    """Let a third board ask; return the code of the answer."""
    giver.board.on_link(9, bytes(16))
    public = x25519.public_key(bytes(range(32)))
    frame = wire.pack_frame(wire.STRANGER_KEY, 0, 0, 3, public) + bytes(16)
    giver.board.on_command(9, frame)
    return wire.unpack_body(giver.board.pop_reply()[1])[1]


def test_two_strangers_at_once_get_nothing_neither_of_them():
    room = pressed(laid())
    giver, taker = room.nodes
    assert third(giver) == ept.KEY_WAIT
    assert gave_nothing(room.run(20_000)) and not taker.board.receipts
    assert taker.taker.refused_by == ept.TWO_STRANGERS
    room = pressed(laid())
    giver = room.nodes[0]
    while not giver.desk.press.key:
        room.step()
    assert third(giver) == ept.TWO_STRANGERS
    assert gave_nothing(room.run(20_000))


def test_a_second_stranger_gets_nothing_once_the_first_has():
    room = pressed(laid()).run(3000)
    giver = room.nodes[0]
    assert third(giver) == ept.NOT_PRESSED
    assert giver.board.coil_on  # and disturbs nothing


def test_two_boards_of_one_number_do_not_pair():
    room = laid()
    giver = room.nodes[0]
    giver.press()
    for number in (0, 1):
        code = giver.desk.take_key(giver.board, number, bytes(32))
        assert code == ept.NOT_FOR_PEERS


def test_a_member_of_the_strangers_number_has_no_say_in_it():
    """Board 2 of board 1's own crowd knocks while a stranger called 2 is given something."""
    giver = Stranger(1, 900, gives_to=HOST | CROWD | STRANGERS)
    giver.crowd = membership(1)
    giver._membership = lambda: Node._membership(giver)
    giver.boot()
    room = pressed(Room(giver, Stranger(2, 300))).run(3000)
    transfer_id = giver.board.ack_fields()[2]
    giver.board.on_link(9, bytes(16))
    member = Node(2, 300).taker
    key = Membership(membership(2)).key_to(1)
    member._key = auth.session_key(hashlib.sha256, key, bytes(16), bytes(16))
    room.nodes[1].taker, stranger = member, room.nodes[1].taker
    asked(giver, room.nodes[1], wire.PEER_HELLO, CROWD_ID, 2, bytes(16), link=9)
    for fields in ((wire.STOP, transfer_id), (wire.RENEW, transfer_id, 4000, 0, 0)):
        code = asked(giver, room.nodes[1], *fields, link=9)[1]
        assert code == ept.UNKNOWN_TRANSFER
    room.nodes[1].taker = stranger
    assert giver.board.coil_on


def test_a_key_of_low_order_ends_the_press():
    giver = laid().nodes[0]
    giver.press()
    for _ in range(60):
        giver.desk.press.step()
    assert giver.desk.take_key(giver.board, 2, bytes(32)) == ept.KEY_WAIT
    for _ in range(60):
        giver.desk.press.step()
    assert not giver.desk.press.left_ms


def test_a_recorded_exchange_gives_nothing():
    room = ended(pressed(laid()).run(3000))
    giver, taker = room.nodes
    recorded = list(room.heard)
    room.part()
    taker.alive = False
    giver.press()
    room.run(1000)
    giver.board.on_link(LINK, bytes(16))
    for frame in recorded:
        giver.board.on_command(LINK, frame)
        giver.board.pop_reply()
        room.run(100)
    room.run(5000)
    assert not giver.board.coil_on and len(receipts(giver)) == 1


def test_who_listens_hears_two_public_keys_and_no_secret():
    room = pressed(laid())
    giver, taker = room.nodes
    while not giver.desk.press.key:
        room.step()
    secrets = [giver.desk.press.key]
    secrets += [node.desk.press._secret for node in room.nodes]
    room.run(3000)
    kinds = [wire.unpack_header(frame)[1] for frame in room.heard]
    assert wire.STRANGER_KEY in kinds and wire.STRANGER_PUBLIC in kinds and giver.board.coil_on
    assert not any(secret in frame for secret in secrets for frame in room.heard)
    for node in room.nodes:  # and nothing of it is kept
        assert not node.desk.press.key and not node.desk.press._secret


def test_each_press_has_a_secret_of_its_own():
    giver = laid().nodes[0]
    publics = set()
    for _ in range(2):
        giver.press()
        while not giver.desk.press.public:
            giver.desk.press.step()
        publics.add(giver.desk.press.public)
    assert len(publics) == 2


def test_who_does_not_know_the_secret_has_no_session():
    """He hears both public keys, and says hello with what he can make of them."""
    room = pressed(laid())
    giver, taker = room.nodes
    while not giver.desk.press.key:
        room.step()
    for key in (taker.desk.press.public, giver.desk.press.public, bytes(32), b""):
        giver.board.on_link(9, bytes(16))
        session = auth.session_key(hashlib.sha256, key, bytes(16), bytes(16))
        frame = wire.pack_frame(wire.PEER_HELLO, 1, 0, 0, 2, bytes(16))
        frame += auth.tag(hashlib.sha256, session, auth.FROM_HOST, frame)
        giver.board.on_command(9, frame)
        assert wire.unpack_body(giver.board.pop_reply()[1])[1] == ept.BAD_TAG


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


def test_a_stranger_on_whom_no_coil_lies_gets_a_ping():
    """A third button: somebody in range answers, and no coil of his lies on this one."""
    room = laid()
    room.sent_mA = 0
    pressed(room).run(20_000)
    giver = room.nodes[0]
    assert receipts(giver)[0][9] == ept.NO_RESPONSE and giver.board.figures[5] < 50


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


def asked(giver, taker, frame_type, *fields, link=LINK):
    """Seal a frame with a true taker's session key; return the fields of the answer."""
    taker = taker.taker
    taker._counter += 1
    frame = wire.pack_frame(frame_type, taker._counter, giver.board.now_ms + 1000, *fields)
    frame += auth.tag(hashlib.sha256, taker._key, auth.FROM_HOST, frame)
    giver.board.on_command(link, frame)
    body = wire.unpack_body(giver.board.pop_reply()[1])
    return body if len(body) > 3 else (0,) + body
