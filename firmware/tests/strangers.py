# SPDX-License-Identifier: MIT
"""A room with two strangers, their fingers, and what others may send them."""

import hashlib

from peers import LINK, Room, Stranger
from wptcore import auth, wire, x25519

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


def third(giver):
    """Let a third board ask; return the code of the answer."""
    giver.board.on_link(9, bytes(16))
    public = x25519.public_key(bytes(range(32)))
    frame = wire.pack_frame(wire.STRANGER_KEY, 0, 0, 3, public) + bytes(16)
    giver.board.on_command(9, frame)
    return wire.unpack_body(giver.board.pop_reply()[1])[1]


def asked(giver, taker, frame_type, *fields, link=LINK):
    """Seal a frame with a true taker's session key; return the fields of the answer."""
    taker = taker.taker
    taker._counter += 1
    frame = wire.pack_frame(frame_type, taker._counter, giver.board.now_ms + 1000, *fields)
    frame += auth.tag(hashlib.sha256, taker._key, auth.FROM_HOST, frame)
    giver.board.on_command(link, frame)
    body = wire.unpack_body(giver.board.pop_reply()[1])
    return body if len(body) > 3 else (0,) + body
