# SPDX-License-Identifier: MIT
"""What an owner signs: who may bring it, what it allows, what it asks for, and what it ends."""

import binascii
import hashlib

from peers import LINK, Node, Room, receipts
from support import NONCE, Host
from wptcore import ept, lamp, mandate, wire
from wptcore.auth import TAG_SIZE, hmac_sha256
from wptcore.consent import CROWD, FRIENDS, HOST, Consent, UNBOUNDED_mJ
from wptcore.journal import Journal, Saved
from wptcore.mandated import Mandated

OWNER = bytes(range(1, 33))
KEY_1 = mandate.board_key(hashlib.sha256, OWNER, 1)
HOUR_ms = 3_600_000


def signed(
    number=1,
    gives_to=HOST | CROWD,
    day_mJ=0,
    floor_pct=0,
    flags=0,
    hours=(0, 0, 0),
    wants=(0, 1000, 0),
    friends=(),
    board_id=1,
    key=KEY_1,
):
    fields = (board_id, number, gives_to, day_mJ, floor_pct, flags) + hours + wants + friends
    return mandate.pack(hashlib.sha256, key, fields)


def owned(soc_permille=900, **more):
    return Node(1, soc_permille, owner_key=KEY_1, **more)


def taker():
    return Node(2, 300)


def brought(node, words):
    """Bring a mandate on a link without a session; return the code, or the reply's type."""
    node.board.on_link(9, NONCE)
    frame = wire.pack_frame(wire.MANDATE, 1, 0, words) + bytes(TAG_SIZE)
    node.board.on_command(9, frame)
    reply = node.board.pop_reply()[1]
    node.board.on_link(9, b"")
    if reply[1] == wire.ACK:
        return wire.unpack_body(reply)[1]
    number, proof = wire.unpack_body(reply)
    assert proof == mandate.taken_tag(hashlib.sha256, node.owner_key, node.board_id, number)
    return reply[1]


def test_the_bytes_are_these():
    words = signed(7, 5, 3_600_000, 30, 1, (600, 480, 1200), (9000, 800, 120), (2, 3))
    assert len(words) == mandate.SIZE
    assert words[:44].hex() == (
        "01010007000000" + "0580ee36001e01" + "5802e001b004" + "282300002003" + "7800"
        "0200030000000000" + "0000000000000000"
    )
    assert (
        words[44:] == hmac_sha256(hashlib.sha256, KEY_1, b"crowdcharge mandate" + words[:44])[:16]
    )
    expected = hmac_sha256(hashlib.sha256, OWNER, b"crowdcharge owner board\x01\x00")
    assert expected == KEY_1


def test_anybody_may_bring_it_and_nobody_may_alter_it():
    node = owned()
    words = signed(gives_to=0)
    for at in range(len(words)):
        altered = bytearray(words)
        altered[at] ^= 1
        assert brought(node, bytes(altered)) == ept.BAD_TAG
    assert node.board.consent.mandate is None
    assert brought(node, words) == wire.MANDATE_TAKEN
    assert brought(node, words) == wire.MANDATE_TAKEN  # again changes nothing
    host = Host(node.board, link=8, key=node.key).hello()
    assert host.grant(power_max_mW=1000) == ept.NO_CONSENT


def test_a_mandate_is_for_one_board_of_one_owner():
    assert brought(Node(1, 900), signed()) == ept.NO_OWNER
    assert brought(owned(), signed(board_id=2)) == ept.BAD_TAG
    assert brought(owned(), signed(key=mandate.board_key(hashlib.sha256, OWNER, 2))) == ept.BAD_TAG
    assert brought(owned(), signed(hours=(1440, 0, 0))) == ept.BAD_TAG


def test_an_older_one_does_not_come_back_not_even_over_a_reboot():
    node = owned()
    assert brought(node, signed(5, gives_to=0)) == wire.MANDATE_TAKEN
    assert brought(node, signed(4)) == ept.OLD_MANDATE
    assert brought(node, signed(5)) == ept.OLD_MANDATE
    _, record = Journal([b"", b""], binascii.crc32).next_record(node.board.pop_save())
    node.stored = Journal([record, b""], binascii.crc32).saved
    node.boot()
    assert node.board.consent.gives_to == 0
    assert brought(node, signed(4)) == ept.OLD_MANDATE
    assert brought(node, signed(6)) == wire.MANDATE_TAKEN
    node.stored = node.board.pop_save()
    node.owner_key = bytes(32)  # another owner: what the first one signed is void
    node.boot()
    assert node.board.consent.mandate is None and not node.board.pop_save().mandate


def test_who_brings_false_ones_is_dropped():
    node = owned()
    node.board.on_link(9, NONCE)
    frame = wire.pack_frame(wire.MANDATE, 1, 0, bytes(mandate.SIZE)) + bytes(TAG_SIZE)
    for _ in range(5):
        node.board.on_command(9, frame)
        assert wire.unpack_body(node.board.pop_reply()[1])[1] == ept.BAD_TAG
    assert node.board.unwelcome_link == 9


def test_a_board_that_consents_to_nobody_gives_to_no_host_and_to_no_board():
    room = Room(owned(), taker())
    brought(room.nodes[0], signed(gives_to=0))
    room.run(3000)
    assert not receipts(room.nodes[0]) and room.nodes[1].taker.refused_by == ept.NO_CONSENT


def test_friends_are_members_that_the_owner_names():
    for friends, code in (((3,), ept.NO_CONSENT), ((3, 2), ept.NONE)):
        room = Room(owned(), taker())
        brought(room.nodes[0], signed(gives_to=FRIENDS, friends=friends))
        room.run(3000)
        assert room.nodes[1].taker.refused_by == code
        assert room.nodes[0].board.coil_on == (code == ept.NONE)


def test_a_new_mandate_ends_what_it_forbids_at_once():
    room = Room(owned(), taker()).run(3000)
    giver = room.nodes[0]
    assert giver.board.coil_on
    brought(giver, signed(gives_to=HOST))
    assert not giver.board.coil_on and receipts(giver)[0][9] == ept.NO_CONSENT
    host = Host(giver.board, link=9, key=giver.key).hello()
    assert host.grant(transfer_id=77, power_max_mW=1000) == ept.NONE
    giver.board.on_command(9, host.frame(wire.MANDATE, signed(2, gives_to=CROWD)))
    assert giver.board.pop_reply()[1][1] == wire.MANDATE_TAKEN
    assert receipts(giver)[0][9] == ept.NO_CONSENT


def test_the_owners_floor_adds_to_the_boards():
    room = Room(owned(500), Node(2, 50))
    brought(room.nodes[0], signed(floor_pct=45))
    room.run(40_000)
    assert receipts(room.nodes[0])[0][9] == ept.FLOOR
    assert 449 <= room.nodes[0].board.soc_permille <= 455


def test_hours_hold_and_a_board_without_the_time_gives_nothing():
    """Signed at 21:00 for 22:00 to 6:00."""
    words = signed(hours=(1260, 1320, 360))
    consent = Mandated(Consent(HOST, 0), Saved(), hashlib.sha256, KEY_1, 1)
    assert consent.take(words) == ept.NONE
    allowed = []
    for hour in range(24):
        if consent.refusal(HOST) == ept.NONE:
            allowed.append((21 + hour) % 24)
        else:
            assert consent.refusal(HOST) == ept.OTHER_HOURS
        consent.elapse(HOUR_ms)
    assert sorted(allowed) == [0, 1, 2, 3, 4, 5, 22, 23]
    saved = Saved()
    saved.mandate = words
    consent = Mandated(Consent(HOST, 0), saved, hashlib.sha256, KEY_1, 1)
    assert consent.refusal(HOST) == ept.OTHER_HOURS


def test_hours_end_a_transfer():
    room = Room(owned(), taker())
    giver = room.nodes[0]
    brought(giver, signed(hours=(0, 0, 1)))
    giver.board.consent.elapse(50_000)
    room.run(9000)
    assert giver.board.coil_on
    room.run(1100)
    assert not giver.board.coil_on and receipts(giver)[0][9] == ept.OTHER_HOURS


def test_a_donor_asks_for_a_press_of_its_button():
    room = Room(owned(), taker())
    giver, other = room.nodes
    brought(giver, signed(flags=mandate.ASK_FIRST))
    room.run(3000)
    assert other.taker.refused_by == ept.OWNER_ASKED and not receipts(giver)
    assert lamp.shown(giver.board) == "asking"
    giver.board.on_button(100)
    assert lamp.shown(giver.board) == "ready"
    room.run(12_000)
    assert giver.board.coil_on and lamp.shown(giver.board) == "giving"
    assert lamp.shown(other.board) == "taking"
    host_asked = owned()
    brought(host_asked, signed(flags=mandate.ASK_FIRST))
    host_asked.board.on_button(100)  # nobody has asked yet, so this is no answer
    host = Host(host_asked.board, link=8, key=host_asked.key).hello()
    assert host.grant(power_max_mW=1000) == ept.OWNER_ASKED
    host_asked.board.on_button(100)
    assert host.grant(power_max_mW=1000) == ept.NONE


def test_the_lamp_blinks_as_its_table_says():
    board = owned().board
    lit = []
    for _ in range(20):
        lit.append(lamp.is_lit(board))
        board.on_elapsed(200)
    assert sum(lit) == 1  # ready: one flash in four seconds
    board.on_fault(ept.INTERNAL_FAULT)
    assert lamp.shown(board) == "fault"
    board.on_button(6000)
    assert lamp.shown(board) == "off" and not lamp.is_lit(board)


def test_a_wish_bounds_what_a_board_asks_for():
    wisher = Node(2, 300, owner_key=mandate.board_key(hashlib.sha256, OWNER, 2))
    room = Room(Node(1, 900), wisher)
    key = wisher.owner_key
    brought(wisher, signed(board_id=2, key=key, wants=(5000, 1000, 60)))
    room.run(20_000)
    assert receipts(room.nodes[0])[-1][5] <= 5100  # half of it is lost, so it asks again
    room.run(60_000)
    assert 4500 < sum(receipt[5] for receipt in receipts(wisher)) < 5100
    wisher.board.consent.elapse(61 * 60_000)
    assert not wisher.taker.wants  # the wish is over
    brought(wisher, signed(2, board_id=2, key=key, wants=(0, 350, 0)))
    assert wisher.board.consent_fields[3] == 35_000 - wisher.board.stored_mJ
    brought(wisher, signed(3, board_id=2, key=key, wants=(0, 0, 0)))
    assert not wisher.taker.wants


def test_a_wish_with_an_end_is_over_after_a_reboot():
    node = owned(300)
    brought(node, signed(wants=(0, 1000, 600)))
    assert node.board.consent_fields[3] == 70_000
    node.stored = node.board.pop_save()
    node.boot()
    assert node.board.consent_fields[3] == 0


def test_a_host_is_told_what_the_board_gives_and_wants():
    node = owned(300)
    host = Host(node.board, link=8, key=node.key).hello()
    assert host.ask(wire.ASK_CONSENT) == (HOST | CROWD, 0, UNBOUNDED_mJ, UNBOUNDED_mJ, 0)
    brought(node, signed(9, HOST, 5000, flags=mandate.HIDDEN, wants=(2000, 900, 0)))
    assert host.ask(wire.ASK_CONSENT) == (HOST, mandate.HIDDEN, 5000, 2000, 9)
    brought(node, signed(10, CROWD))
    assert host.ask(wire.ASK_CONSENT)[:3] == (CROWD, 0, 0)


def test_a_peers_session_carries_a_mandate_too():
    room = Room(owned(), taker()).run(3000)
    giver = room.nodes[0]
    frame = wire.pack_frame(wire.MANDATE, 1, 0, signed(gives_to=0)) + bytes(TAG_SIZE)
    giver.board.on_command(LINK, frame)
    assert not giver.board.coil_on
