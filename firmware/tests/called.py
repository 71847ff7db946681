# SPDX-License-Identifier: MIT
"""A room in which one board makes no connections (CircuitPython), and the other one calls it."""

import hashlib

from peers import Node, Room
from wptcore import auth, peer_taker, wire
from wptcore.peer_caller import CALLED, PeerCaller


class Accepts(Node):
    """It hears no adverts: others connect to it."""


class Calls(Node):
    def _make_taker(self, member):
        self.caller = PeerCaller(self.board, member, hashlib.sha256, self._random)
        return super()._make_taker(member)


class CalledRoom(Room):
    """`a` (Calls) may connect to `b` (Accepts), and `b` to nobody."""

    def __init__(self, a, b):
        super().__init__(a, b)
        self.calls = 0

    def _radio(self, me, other):
        if isinstance(me, Accepts):
            self._accept(me)
            return
        me.caller.on_elapsed(self.now_ms - me.last_ms)
        action = me.caller.action
        reached = self.near and other.alive
        if action == peer_taker.LISTEN:
            if reached:
                me.caller.on_advert("there", other.beacon(), self.rssi_dBm)
        elif action == peer_taker.CONNECT and reached:
            self.linked = (other, me)
            me.caller.on_challenge(b"theirs is read, and not used")
        elif action == peer_taker.TALK and self.linked and reached:
            self._carry(me, other)
        else:
            self.part()
            me.caller.on_gone()

    def _accept(self, me):
        """Do what ports/circuitpython/called_link.py does."""
        taker = me.taker
        if self.linked is None:
            if taker.action != peer_taker.LISTEN:
                taker.on_gone()
        elif taker.action == peer_taker.LEAVE:
            self.part()

    def _carry(self, giver, taker):
        frame = giver.caller.pop_frame()
        if frame:
            self.heard.append(frame)
            if wire.unpack_header(frame)[1] == wire.PEER_CALL:
                self.calls += 1
                taker.taker.on_call(wire.unpack_body(frame)[0])
            else:
                taker.taker.on_reply(frame)
        frame = taker.taker.pop_frame()
        if frame:
            self.heard.append(frame)
            giver.caller.on_reply(frame)
        reply = giver.board.pop_reply()
        if reply:
            assert reply[0] == CALLED
            giver.caller.send(reply[1])

    def part(self):
        if self.linked:
            self.linked[1].board.on_link(CALLED, b"")
        self.linked = None


def nonce(number):
    return hashlib.sha256(b"%d" % number).digest()[: auth.NONCE_SIZE]
