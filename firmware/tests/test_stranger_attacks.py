# SPDX-License-Identifier: MIT
"""What a third party, a listener or an old session gets while two strangers press buttons."""

import hashlib

from peers import CROWD_ID, LINK, Node, Room, Stranger, membership, receipts
from strangers import PEER_AND_PRESS, asked, ended, gave_nothing, laid, pressed, third
from wptcore import auth, ept, wire, x25519
from wptcore.consent import CROWD, HOST, STRANGERS
from wptcore.peer_desk import Membership


def test_two_boards_of_one_number_do_not_pair():
    room = laid()
    giver = room.nodes[0]
    giver.press()
    for number in (0, 1):
        code = giver.desk.take_key(giver.board, number, bytes(32))
        assert code == ept.NOT_FOR_PEERS


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


def test_a_session_of_an_earlier_press_is_good_for_no_later_one():
    """A stranger who keeps his link waits for the next one of his number."""
    room = pressed(laid()).run(3000)
    giver, taker = room.nodes
    giver.board.stop(giver.board.ack_fields()[2])
    giver.press()
    while not giver.desk.press.public:
        giver.desk.press.step()
    giver.desk.take_key(giver.board, 2, x25519.public_key(bytes(range(32))))
    while not giver.desk.press.key:
        giver.desk.press.step()
    assert asked(giver, taker, wire.PEER_WISH, 300, 100_000, 50_000)[3] == ept.NOT_PRESSED


def test_the_session_of_an_exchange_is_good_for_no_second_one():
    room = pressed(laid()).run(3000)
    giver, taker = room.nodes
    transfer_id = giver.board.ack_fields()[2]
    energy_mJ = giver.board._running.energy_max_mJ
    giver.board.stop(transfer_id)
    assert asked(giver, taker, wire.PEER_WISH, 300, 100_000, 50_000)[3] == ept.NOT_PRESSED
    giver.board._commands.links.peer_link(LINK).offer_mJ = energy_mJ  # as if it still stood
    for number, refused in ((transfer_id, ept.NOT_PRESSED), (9, ept.OUT_OF_RANGE)):
        limits = (900, energy_mJ, 999, 0, 999, PEER_AND_PRESS)
        code = asked(giver, taker, wire.GRANT, number, wire.PTX, 2, 0, 2, *limits)[1]
        assert code == refused
    assert not giver.board.coil_on and not giver.desk.press.key


def test_a_stranger_on_whom_no_coil_lies_gets_a_ping():
    """A third button: somebody in range answers, and no coil of his lies on this one."""
    room = laid()
    room.sent_mA = 0
    pressed(room).run(20_000)
    giver = room.nodes[0]
    assert receipts(giver)[0][9] == ept.NO_RESPONSE and giver.board.figures[5] < 50
