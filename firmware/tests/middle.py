# SPDX-License-Identifier: MIT
"""One in the middle of two strangers who press: two radios, two exchanges, and all that he likes.

To the taker he is the giver, louder; to the giver he is the taker. He holds both keys, reads each
frame, writes what he wants in its place and seals it anew. The coils lie on each other as ever.
"""

import hashlib
import struct

from peers import LINK, Room
from wptcore import auth, peer_keys, peer_taker, press, wire, x25519

SECRET = bytes(range(1, 33))
NONCE = bytes(range(16))  # of the challenge that the taker reads


class Middle(Room):
    """`rewrite(frame_type, fields)` returns the fields that go on, or None: the frame is lost.

    `numbers`: what he calls himself to the giver and to the taker.
    """

    def __init__(self, giver, taker, rewrite=None, numbers=(2, 1)):
        super().__init__(giver, taker)
        self.rewrite = rewrite or (lambda _frame_type, fields: fields)
        self.as_taker, self.as_giver = numbers
        self.public = x25519.public_key(SECRET)
        self.keys = [b"", b""]  # agreed with the giver, and with the taker
        self.sessions = [b"", b""]
        self.number = 0  # of the giver's transfer; the taker's has another one
        self._nonce = b""  # of the giver's challenge
        self._taker_public = b""
        self.answers = []  # (type, fields) of the giver
        self.frames = []  # for the giver

    def _radio(self, me, other):
        if me is not self.nodes[1]:
            return
        action = me.taker.action
        if action == peer_taker.LISTEN:
            me.taker.on_advert("there", self._false_beacon(), -20)
        elif action == peer_taker.CONNECT:
            self.connect(me)
        elif action == peer_taker.LEAVE:
            self.nodes[0].board.on_link(LINK, b"")
            me.taker.on_gone()
        elif other.alive:
            self._between(other, me)

    def _false_beacon(self):
        beacon = bytearray(self.nodes[0].beacon())
        struct.pack_into("<H", beacon, 2, self.as_giver)
        return bytes(beacon)

    def connect(self, taker):
        giver = self.nodes[0]
        self._nonce = giver._random(auth.NONCE_SIZE)
        giver.board.on_link(LINK, self._nonce)
        challenge = bytearray(giver.board.challenge(NONCE))
        struct.pack_into("<H", challenge, 1, self.as_giver)
        taker.taker.on_challenge(bytes(challenge))

    def _between(self, giver, taker):
        frame = taker.taker.pop_frame()
        if frame:
            self._to_giver(giver, frame)
        reply = giver.board.pop_reply()
        if reply:
            self._to_taker(taker, reply[1])

    def _to_giver(self, giver, frame):
        frame_type, fields = wire.unpack_header(frame)[1], wire.unpack_body(frame)
        if frame_type == wire.STRANGER_KEY:
            self._taker_public = fields[1]
            fields = (self.as_taker, self.public)
        elif frame_type == wire.PEER_HELLO:
            self.sessions = [
                auth.session_key(hashlib.sha256, self.keys[0], self._nonce, fields[2]),
                auth.session_key(hashlib.sha256, self.keys[1], NONCE, fields[2]),
            ]
            self.number = peer_keys.transfer_id(hashlib.sha256, self.keys[0], self._nonce)
            fields = (0, self.as_taker, fields[2])
        elif frame_type == wire.GRANT:
            fields = (self.number,) + fields[1:2] + (self.as_taker, 0, self.as_taker) + fields[5:]
        elif frame_type in (wire.RENEW, wire.STOP):
            fields = (self.number,) + fields[1:]
        fields = self.rewrite(frame_type, fields)
        if fields is not None:
            self.heard.append(frame)
            giver.board.on_command(LINK, self._sealed(frame, fields, 0, auth.FROM_HOST))

    def _to_taker(self, taker, frame):
        frame_type, fields = wire.unpack_header(frame)[1], wire.unpack_body(frame)
        self.answers.append((frame_type, fields))
        if frame_type == wire.STRANGER_PUBLIC:
            self.keys = [
                self._agreed(fields[0], self.as_taker, 1, self.public, fields[0]),
                self._agreed(
                    self._taker_public, 2, self.as_giver, self._taker_public, self.public
                ),
            ]
            fields = (self.public,)
        elif frame_type == wire.ACK and self.number and fields[4] == self.number:
            theirs = peer_keys.transfer_id(hashlib.sha256, self.keys[1], NONCE)
            fields = fields[:4] + (theirs,) + fields[5:]
        fields = self.rewrite(frame_type, fields)
        if fields is not None:
            taker.taker.on_reply(self._sealed(frame, fields, 1, auth.FROM_BOARD))

    def _agreed(self, public, taker, giver, taker_public, giver_public):
        result = x25519.shared_secret(SECRET, public)
        message = press._KEY + struct.pack("<HH", taker, giver) + taker_public + giver_public
        return auth.hmac_sha256(hashlib.sha256, result, message)

    def _sealed(self, frame, fields, side, direction):
        _, frame_type, counter, time_ms = wire.unpack_header(frame)
        plain = wire.pack_frame(frame_type, counter, time_ms, *fields)
        key = self.sessions[side]
        return plain + (auth.tag(hashlib.sha256, key, direction, plain) if key else bytes(16))
