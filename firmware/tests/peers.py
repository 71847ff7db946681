# SPDX-License-Identifier: MIT
"""A room with boards that meet, for the core's tests on any VM: two radios and two coils of code.

The way of the bytes stands here; who is believed, what is offered and when a coil goes off is the
core's own. Coils: while both switches are on, half of what is sent arrives.
"""

import hashlib

from support import make_limits
from wptcore import auth, peer_keys, peer_taker, wire
from wptcore.board import Board
from wptcore.consent import CROWD, HOST, STRANGERS
from wptcore.fod import LossCurve
from wptcore.journal import Saved
from wptcore.peer_desk import Membership, PeerDesk
from wptcore.peer_taker import PeerTaker
from wptcore.quotas import Quotas
from wptcore.stranger_desk import StrangerDesk
from wptcore.stranger_taker import StrangerTaker
from wptcore.units import clamp

CROWD_KEY = bytes(range(64, 96))
CROWD_ID = 0x11223344
STEP_ms = 20
LINK = 4
SENT_mA = 240  # 0.96 W at 4 V
BATTERY_mV = 4000


def membership(
    board_id, members=(1, 2, 3), crowd_key=CROWD_KEY, epoch=0, crowd_id=CROWD_ID, **more
):
    """Return the `crowd` of an identity, as an owner makes it."""
    sha256 = hashlib.sha256
    roots = [(i, peer_keys.root(sha256, crowd_key, epoch, i)) for i in members if i != board_id]
    crowd = {
        "id": crowd_id,
        "root": peer_keys.root(sha256, crowd_key, epoch, board_id).hex(),
        "alias": peer_keys.alias_key(sha256, crowd_key, epoch).hex(),
        "peers": {
            str(i): peer_keys.pair_key(sha256, root, crowd_id, board_id).hex() for i, root in roots
        },
    }
    crowd.update(more)
    return crowd


class Node:
    """One board with its taker; `reboot` keeps only what was stored."""

    def __init__(
        self,
        board_id,
        soc_permille,
        gives_to=HOST | CROWD,
        day_mJ=0,
        crowd=None,
        pairs=(),
        owner_key=b"",
    ):
        self.board_id = board_id
        self.key = bytes([board_id]) * 32
        self.capacity_mJ = 100_000
        self.stored_uJ = soc_permille * self.capacity_mJ
        self.consent = (gives_to, day_mJ)
        self.pairs = pairs
        self.owner_key = owner_key
        self.crowd = membership(board_id) if crowd is None else crowd
        self.stored = Saved()
        self.last_ms = 0  # when its last pass was
        self.alive = True  # False: frozen, or without power
        self.boot()

    def boot(self):
        member = self._membership()
        self.board = Board(
            self.board_id,
            self.key,
            make_limits(self.capacity_mJ),
            wire.PTX | wire.PRX,
            self.stored,
            hashlib.sha256,
            LossCurve(250, 1350, 50, 400),
            peers=self._make_desk(member),
            consent=self.consent + (self._quotas(),),
            pairs=self.pairs,
            owner_key=self.owner_key,
        )
        self.taker = self._make_taker(member)
        self.board.on_soc(self.soc_permille)
        for _ in range(12):
            self.board.on_sample(BATTERY_mV, 0, 250, 250, STEP_ms)

    def _quotas(self):
        quotas = self.crowd.get("quotas")
        if not quotas:
            return None
        return Quotas({int(crowd): quotas[crowd] for crowd in quotas}, self.stored.given_to)

    def _membership(self):
        return Membership(self.crowd)

    def _make_desk(self, member):
        return PeerDesk(member, hashlib.sha256)

    def _make_taker(self, member):
        return PeerTaker(self.board, member, hashlib.sha256, self._random)

    @property
    def soc_permille(self):
        return clamp(self.stored_uJ // self.capacity_mJ, 0, 1000)

    def _random(self, size):
        self._drawn = getattr(self, "_drawn", self.board_id * 1000) + 1
        return hashlib.sha256(b"%d" % self._drawn).digest()[:size]

    def beacon(self):
        buffer = bytearray(wire.BEACON_SIZE)
        self.board.pack_beacon_into(buffer, 0)
        return bytes(buffer)


class Stranger(Node):
    """A board that shares no crowd with anybody; `press` is its button."""

    def __init__(self, board_id, soc_permille, gives_to=HOST | STRANGERS, **more):
        super().__init__(board_id, soc_permille, gives_to, **more)

    def press(self):
        self.board.on_button(200)

    def _membership(self):
        return Membership(None)

    def _make_desk(self, member):
        self.desk = StrangerDesk(member, hashlib.sha256, self._random)
        return self.desk

    def _make_taker(self, member):
        return StrangerTaker(self.board, member, hashlib.sha256, self._random, self.desk.press)


class Room:
    """`a` and `b` lie on each other; `near`: they hear each other, at `rssi_dBm`."""

    def __init__(self, a, b):
        self.nodes = (a, b)
        self.near = True
        self.rssi_dBm = -30
        self.sent_mA = SENT_mA
        self.arrives_permille = 500  # of what is sent
        self.linked = None  # (taker, giver)
        self.heard = []  # every frame on the air, in both directions
        self._flip = 0
        self.now_ms = 0

    def step(self):
        self._flip ^= 1
        self.now_ms += STEP_ms
        a, b = self.nodes
        for me, other in ((a, b), (b, a)):
            if me.alive:
                self._power(me, other)
                self._radio(me, other)
                dt_ms = self.now_ms - me.last_ms  # more than a step after it was frozen
                me.last_ms = self.now_ms
                me.taker.on_elapsed(dt_ms)
                me.board.on_elapsed(dt_ms)
                if me.board.press is not None and not me.board.is_running:
                    me.board.press.step()
                self._store(me)

    def run(self, time_ms):
        for _ in range(time_ms // STEP_ms):
            self.step()
        return self

    def _power(self, me, other):
        current_mA = 0
        if me.board.pulses_on:
            current_mA = self.sent_mA + self._flip
        elif me.board.receiver_on and other.board.pulses_on:
            current_mA = -self.sent_mA * self.arrives_permille // 1000 - self._flip
        me.stored_uJ -= current_mA * BATTERY_mV // 1000 * STEP_ms
        me.board.on_sample(BATTERY_mV, current_mA, 250, 250, STEP_ms)
        me.board.on_soc(me.soc_permille)

    def _radio(self, me, other):
        taker = me.taker
        if taker.action == peer_taker.LISTEN:
            if self.near and other.alive:
                taker.on_advert("there", other.beacon(), self.rssi_dBm)
        elif taker.action == peer_taker.CONNECT:
            if self.near and other.alive:
                nonce = me._random(auth.NONCE_SIZE)
                other.board.on_link(LINK, nonce)
                self.linked = (me, other)
                taker.on_challenge(other.board.challenge(nonce))
            else:
                taker.on_gone()
        elif taker.action == peer_taker.LEAVE:
            self.part()
            taker.on_gone()
        elif not self.linked or self.linked[0] is not me:
            taker.on_gone()
        elif self.near and other.alive:
            self._talk(me, other)

    def _talk(self, taker, giver):
        frame = taker.taker.pop_frame()
        if frame:
            self.heard.append(frame)
            giver.board.on_command(LINK, frame)
        reply = giver.board.pop_reply()
        if reply:
            self.heard.append(reply[1])
            taker.taker.on_reply(reply[1])

    def part(self):
        if self.linked:
            self.linked[1].board.on_link(LINK, b"")
        self.linked = None

    def reboot(self, node):
        if self.linked and node in self.linked:
            self.part()
        node.alive = True
        node.last_ms = self.now_ms
        node.boot()

    def _store(self, node):
        saved = node.board.pop_save()
        if saved is not None:
            node.stored = copied(saved)


def copied(saved):
    """Copy it: what the flash holds does not change with the board."""
    copy = Saved()
    for name in dir(saved):
        if not name.startswith("_") and name != "note_open":
            setattr(copy, name, getattr(saved, name))
    return copy


def receipts(node):
    return [wire.unpack_receipt(each) for each in wire.split_receipts(node.board.receipts)]
